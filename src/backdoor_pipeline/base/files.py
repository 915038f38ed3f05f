"""Files that are whole or absent: written beside their place, flushed, then renamed into it (P4)."""

import errno
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.leftovers import clear_leftovers, opened_to_write

logger = logging.getLogger(__name__)

ADVICE = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the quota on that disk is used up: make room",
    errno.EFBIG: "files may not get that large here: raise the limit (ulimit -f)",
    errno.EROFS: "that disk can only be read: make it writable",
    errno.EACCES: "permission is denied: get access to its folder",
    errno.EPERM: "permission is denied: get access to its folder",
}


class CorruptFileError(Exception):
    """A file that exists but cannot be what was written: truncated, tampered with, or of another kind."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success flush it and rename it to `path`.

    The folder is created. On an error, or a kill, `path` is left as it was. What earlier kills left beside it
    is removed.

    Raises:
        UserError: the disk is full, access is denied and the like; the sentence says what to do.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(path.parent, path.name)
        with opened_to_write(path) as temporary:
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
            _flush(path.parent)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Have an error of the file system, while `path` is made or changed, told in a sentence.

    Raises:
        UserError: in its place.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not the system's word, but some library's
            raise
        advice = ADVICE.get(error.errno, f"{error.strerror}: see to that disk")
        raise UserError(
            f"{path} cannot be written, as {advice} and repeat the command, which goes on from what is there."
        ) from error


def set_aside(path: Path, reason: str) -> Path:
    """Rename what cannot be used out of the way, say so in the log, and return its new path.

    Raises:
        UserError: it cannot be renamed.
    """
    with writing(path):
        aside = _free_name(path)
        try:
            os.replace(path, aside)
        except OSError:
            (aside.rmdir if aside.is_dir() else aside.unlink)()
            raise
    logger.warning("%s cannot be used (%s): set aside as %s, to be rebuilt.", path, reason, aside.name)
    return aside


def set_aside_if_there(path: Path, reason: str) -> None:
    """See `set_aside`; but what is gone by now, another process that met it has set aside.

    Raises:
        UserError: it is there and cannot be renamed.
    """
    try:
        set_aside(path, reason)
    except UserError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise


def discard_folder(folder: Path) -> None:
    """Remove a folder of files that are no longer needed, but for what another process is writing there."""
    for file in folder.glob("*"):
        if not file.name.endswith(".tmp"):
            with suppress(OSError):
                file.unlink()
    clear_leftovers(folder)
    with suppress(OSError):  # absent, or not empty
        folder.rmdir()


def _free_name(path: Path) -> Path:
    """Make what `path` is to replace, empty, beside it, under a name that nothing else has."""
    while True:
        name = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:4]}")
        with suppress(FileExistsError):
            if path.is_dir():  # in the place of a file
                name.mkdir()
            else:
                name.touch(exist_ok=False)
            return name


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
