"""What files a data set has, as far as can be told without reading them."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

EVERY = 500  # in a folder of a large set one file of so many is read, the first to begin with


@dataclass(frozen=True, slots=True)
class Listing:
    """A file, or the files that lie directly in a folder.

    Attributes:
        path: the file or folder.
        signature: of all names, sizes and times; while it stays, nothing has been changed.
        files: how many there are.
        size: of all of them, in bytes.
        newest: when the last of them was changed, in ns since 1970.
        folders: the folders in it, by name.
        sample: the files whose content stands for that of all in a large set.
    """

    path: Path
    signature: str
    files: int
    size: int
    newest: int
    folders: tuple[Path, ...] = ()
    sample: tuple[Path, ...] = ()


def walk(root: Path, within: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Listing]:
    """The listing of a file; or of a folder, then of all folders in it. What is hidden is left out.

    Links are followed, but not back to a folder that they are in.

    Raises:
        OSError: something cannot be looked at.
    """
    stat = root.stat()
    place = (stat.st_dev, stat.st_ino)
    if not S_ISDIR(stat.st_mode):
        yield Listing(root, _signature([stamp(stat)]), 1, stat.st_size, _changed(stat), sample=(root,))
    elif place not in within:
        listing = _folder(root, stat)
        yield listing
        for folder in listing.folders:
            yield from walk(folder, within | {place})


def visible(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder, by name, without hidden ones."""
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(shown, key=lambda entry: entry.name)


def stamp(stat: os.stat_result) -> str:
    """Another one whenever a file has been written to, even if its time of writing was set back."""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def _folder(path: Path, own: os.stat_result) -> Listing:
    entries = visible(path)
    files = [(entry, entry.stat()) for entry in entries if entry.is_file()]
    return Listing(
        path,
        _signature(f"{entry.name}/{stamp(stat)}" for entry, stat in files),
        files=len(files),
        size=sum(stat.st_size for _, stat in files),
        newest=max(_changed(stat) for stat in (own, *(stat for _, stat in files))),
        folders=tuple(Path(entry.path) for entry in entries if entry.is_dir()),
        sample=tuple(Path(entry.path) for entry, _ in files[::EVERY]),
    )


def _changed(stat: os.stat_result) -> int:
    return max(stat.st_mtime_ns, stat.st_ctime_ns)


def _signature(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
