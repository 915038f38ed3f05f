"""Files that are whole or absent: written beside their place, flushed, then renamed into it (P4)."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

logger = logging.getLogger(__name__)


class CorruptFileError(Exception):
    """A file that exists but cannot be what was written: truncated, tampered with, or of another kind."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success flush it and rename it to `path`.

    The folder is created. On an error, or a kill, `path` is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def set_aside(path: Path, reason: str) -> Path:
    """Rename a file that cannot be used out of the way, say so in the log, and return its new path."""
    aside = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:4]}")
    os.replace(path, aside)
    logger.warning("%s cannot be used (%s): set aside as %s, to be rebuilt.", path, reason, aside.name)
    return aside


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
