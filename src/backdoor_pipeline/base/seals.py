"""Seals: by which a file is known again as the one that was written in this place (P4).

A seal is a short text somewhere in the file, in whatever form its format allows a remark: which artefact's
file this is, and the SHA-256 of all its bytes (with zeros in the digest's own place). So one rename puts file
and seal in place together, and truncated, changed, exchanged and foreign files are all noticed without any
knowledge of the format. Files that can bear none, such as CSV, lie beside one that answers for them too.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.reading import patiently

KEY = "seal"  # of formats that have keys
DIGITS = 64
EDGE = 1 << 20  # bytes at a file's beginning and end, in which the seal is looked for
BLOCK = 1 << 22
_PATTERN = re.compile(rb"sealed:([\w.~/%%-]*):sha256:([0-9a-f]{%d})" % DIGITS)


@dataclass(frozen=True, slots=True)
class Seal:
    """What the seal of a file is to say.

    Attributes:
        of: whose file it is; None: whoever's, when it is checked, and nobody's, when it is written.
        beside: files that it answers for too; when it is written, rather their contents: another process may
            have put its own in their place.
    """

    of: str | None = None
    beside: tuple[Path | bytes, ...] = ()

    @classmethod
    def at(cls, path: Path, beside: Iterable[Path | bytes] = ()) -> "Seal":
        """The seal of the file in this place: of its data set, artefact and name, wherever `data` is."""
        return cls("/".join(path.parts[-3:]), tuple(beside))

    @property
    def blank(self) -> str:
        """The text to put into the file, once, as it is."""
        return f"sealed:{quote(self.of or '')}:sha256:{'0' * DIGITS}"

    def close(self, path: Path) -> None:
        """Put the digest into a file that bears the blank."""
        with path.open("r+b") as file:
            place, _, _ = _find(file)
            digest = _digest(file, place, self.beside)
            file.seek(place)
            file.write(digest)

    def check(self, path: Path) -> None:
        """See that the file, and those beside it, are what was written here.

        Raises:
            FileNotFoundError: one of them is missing.
            CorruptFileError: they are not.
            UserError: they cannot be read.
        """
        patiently(self._check, path)

    def _check(self, path: Path) -> None:
        with path.open("rb") as file:
            place, of, digest = _find(file)
            if _digest(file, place, self.beside) != digest:
                raise CorruptFileError("its content is not what was written")
        if self.of is not None and of != quote(self.of).encode():
            raise CorruptFileError(f"it is {of.decode() or 'of no artefact'}")


ANYONES = Seal()


def _find(file: BinaryIO) -> tuple[int, bytes, bytes]:
    """Where the digest is, whose file the seal says it is, and the digest."""
    size = file.seek(0, 2)
    for start in (0, max(0, size - EDGE)):
        file.seek(start)
        if found := _PATTERN.search(file.read(EDGE)):
            return start + found.start(2), found[1], found[2]
    raise CorruptFileError("it bears no seal of this project")


def _digest(file: BinaryIO, place: int, beside: Iterable[Path | bytes]) -> bytes:
    """The SHA-256 of the other files, each after its length, and of this one with zeros in that place."""
    digest = hashlib.sha256()
    for other in beside:
        size = len(other) if isinstance(other, bytes) else other.stat().st_size
        digest.update(size.to_bytes(8))
        with BytesIO(other) if isinstance(other, bytes) else other.open("rb") as content:
            _add(digest, content)
    file.seek(0)
    _add(digest, file, place)
    digest.update(b"0" * DIGITS)
    file.seek(place + DIGITS)
    _add(digest, file)
    return digest.hexdigest().encode()


def _add(digest: "hashlib._Hash", file: BinaryIO, size: int | None = None) -> None:
    """Add what comes next in the file: so many bytes, or all."""
    blocks = iter(partial(file.read, BLOCK), b"") if size is None else _blocks(file, size)
    for block in blocks:
        digest.update(block)


def _blocks(file: BinaryIO, size: int) -> Iterable[bytes]:
    for start in range(0, size, BLOCK):
        yield file.read(min(BLOCK, size - start))
