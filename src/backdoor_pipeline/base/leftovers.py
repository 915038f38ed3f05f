"""Temporary files, and what becomes of those whose writer was killed.

A writer holds a lock on its temporary file, which the kernel (or the NFS server) releases when it dies; so
who gets the lock knows that nobody writes there any more, on whatever machine that was.
"""

import fcntl
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def opened_to_write(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, locked as being written; it is gone afterwards unless it was renamed.

    Raises:
        OSError: it cannot be made.
    """
    temporary, descriptor = _make(path)
    try:
        yield temporary
    finally:
        os.close(descriptor)
        with suppress(OSError):
            temporary.unlink()


def clear_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove temporary files that killed processes left in a folder.

    Where files cannot be locked, or may not be removed, they stay.

    Args:
        folder: it need not exist.
        name: only those of the file of this name.
    """
    for leftover in folder.glob(f".{glob.escape(name) if name else '*'}.*.tmp"):
        with suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _make(path: Path) -> tuple[Path, int]:
    """Make and lock the file, anew if it was cleared away in between."""
    while True:
        temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)
