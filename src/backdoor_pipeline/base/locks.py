"""One builder at a time: a lock per artefact that a killed process lets go of by dying."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backdoor_pipeline.base.files import writing


def lock_file(folder: Path) -> Path:
    """The lock of an artefact's folder: beside it, because the folder itself may be removed."""
    return folder.parent / ".locks" / folder.name


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of an artefact's folder; wait for it if another process has it.

    `flock` locks belong to the open file, so that the kernel (or the NFS server) releases them when the
    process ends, however it ends. The file stays: removing it would let two processes lock two files of one
    name.
    """
    descriptor = _open(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether another process is building in this folder just now."""
    descriptor = _open(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _open(folder: Path) -> int:
    file = lock_file(folder)
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
