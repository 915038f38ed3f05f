"""What files hold, in a few characters."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def digest_of_file(file: Path) -> str:
    """SHA-256 of its content, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    return _of(file).hexdigest()


def digest_of_files(files: Iterable[Path]) -> str:
    """SHA-256 of their names and contents, in this order; where they lie does not count.

    Raises:
        OSError: one cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + _of(file).digest())
    return digest.hexdigest()


def _of(file: Path) -> "hashlib._Hash":
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256")
