"""What the files of a data set hold, as one digest; what was read once is not read again while it stays."""

import hashlib
import json
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

from tqdm import tqdm

from backdoor_pipeline.data.listing import Listing, stamp, visible, walk
from backdoor_pipeline.data.memory import Memory

LARGE_FILES, LARGE_SIZE = 250_000, 4 * 2**30  # a set above either is read in samples
BLOCK, BLOCKS = 2**16, 16  # of a large set, files above BLOCK * BLOCKS bytes are read in so many blocks
SETTLED = 2 * 10**9  # ns: a younger file may be written to again within one tick of the file system's clock
THREADS = 8  # on a network file system, opening files is mostly waiting
SAMPLED = " sampled"  # marks the signature of what was read in samples


def content_of(places: Mapping[str, Sequence[Path]], memory: Memory, what: str) -> str:
    """The digest of what files hold, of their names within folders, and of these folders' names.

    Where they lie and when they were written is no part of it. Of a large set the content is sampled: in
    every folder each `EVERY`-th file is read, of big files some blocks; the names and sizes of all count.

    Args:
        places: the files and folders of each part of a data set, in the order that they are used in.
        memory: of what was read earlier; learns what is read now.
        what: the name of the data set, for the progress bar.

    Raises:
        OSError: something cannot be read.
    """
    roots = {part: [memory.name(path) for path in paths] for part, paths in places.items()}
    if memory.unchanged(roots):
        return memory.known.content
    now = time.time_ns()
    trees = {root: _tree(root, memory) for paths in roots.values() for root in paths}
    listings = {name: one for tree in trees.values() for name, one in tree.items()}
    large = _is_large(listings.values())
    glance = _stamps(listings.values(), memory) if large else {}
    signatures = {name: one.signature + SAMPLED * large for name, one in listings.items()}
    digests = _digests(listings, signatures, memory, what)
    content = _together(roots, trees, digests)
    settled = [name for name, one in listings.items() if one.newest < now - SETTLED]
    memory.learn(
        roots=roots,
        content=content,
        read={name: (signatures[name], digests[name]) for name in settled},
        glance=glance if len(settled) == len(listings) else {},
    )
    return content


def _tree(root: str, memory: Memory) -> dict[str, Listing]:
    return {memory.name(one.path): one for one in walk(memory.path(root))}


def _is_large(listings: Collection[Listing]) -> bool:
    return sum(one.files for one in listings) > LARGE_FILES or sum(one.size for one in listings) > LARGE_SIZE


def _stamps(listings: Iterable[Listing], memory: Memory) -> dict[str, str]:
    return {memory.name(path): stamp(os.stat(path)) for one in listings for path in {one.path, *one.sample}}


def _together(
    roots: Mapping[str, list[str]], trees: Mapping[str, Mapping[str, Listing]], digests: Mapping[str, str]
) -> str:
    parts = {
        part: [[(os.path.relpath(name, root), digests[name]) for name in trees[root]] for root in paths]
        for part, paths in roots.items()
    }
    return f"sha256:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def _digests(
    listings: Mapping[str, Listing], signatures: Mapping[str, str], memory: Memory, what: str
) -> dict[str, str]:
    """Of every listing, remembered or read."""
    known = {name: memory.known.read.get(name, ("", "")) for name in listings}
    digests = {name: digest for name, (signature, digest) in known.items() if signature == signatures[name]}
    new = {name: one for name, one in listings.items() if name not in digests}
    sampled = {name: signatures[name].endswith(SAMPLED) for name in new}
    total = sum(len(one.sample) if sampled[name] else one.files for name, one in new.items())
    if not new:
        return digests
    with (
        ThreadPoolExecutor(THREADS) as pool,
        tqdm(total=total, desc=f"reading {what}", unit=" files", delay=2, disable=None) as bar,
    ):
        for name, one in new.items():
            digests[name] = _digest(one, sampled[name], pool, bar)
    return digests


def _digest(one: Listing, sampled: bool, pool: ThreadPoolExecutor, bar: "tqdm") -> str:
    """Of one file; or of the files in one folder, by name."""
    if not one.path.is_dir():
        bar.update()
        return _read(one.path, sampled)
    files = [entry for entry in visible(one.path) if entry.is_file()]
    chosen = one.sample if sampled else [Path(entry.path) for entry in files]
    read: dict[str, str] = {}
    for path, digest in zip(chosen, pool.map(_read, chosen, repeat(sampled)), strict=True):
        read[path.name] = digest
        bar.update()
    rows = [(entry.name, entry.stat().st_size, read.get(entry.name, "")) for entry in files]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _read(path: Path, sampled: bool) -> str:
    """The digest of a file's bytes; sampled, of its size and of `BLOCKS` evenly spaced blocks of them."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not sampled or size <= BLOCK * BLOCKS:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256(str(size).encode())
        for block in range(BLOCKS):
            file.seek(block * (size - BLOCK) // (BLOCKS - 1))
            digest.update(file.read(BLOCK))
        return digest.hexdigest()
