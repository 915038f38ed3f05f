"""Which MLflow runs have lost their process: told by locks that a process lets go of by dying.

Every open run holds the lock of a file of its own, whose name is a tag of the run. A file that can be locked
is of a process that is gone, however it went: no `kill -9`, power cut or end of a container keeps a lock, and
no process id that is used again takes one. Runs of other folders and machines have no file here.
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

TAG = "process"
PATIENCE = 60.0  # seconds after which a file without content is no longer taken for one being made


class LifeSign:
    """A locked file that says that a run's process lives; without locks there is none, and the run goes on.

    Args:
        folder: of these files.
        store: see `store_key`.
    """

    def __init__(self, folder: Path, store: str) -> None:
        self.token = uuid4().hex
        self._file = folder / self.token
        self._descriptor: int | None = None
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            content = {"store": store, "inode": os.fstat(self._descriptor).st_ino}
            os.write(self._descriptor, json.dumps(content).encode())

    def end(self) -> None:
        """The run has ended: nobody needs to look for it."""
        if self._descriptor is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def store_key(address: str, experiment: str, project: Path) -> str:
    """What tells stores apart in these files; a project that is moved takes its default store along.

    Args:
        address: of the store, without secrets.
        experiment: of MLflow.
        project: where its default store is.
    """
    content = json.dumps([address.replace(str(project), "."), experiment])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def see_to_gone(folder: Path, store: str, close: Callable[[str], None]) -> None:
    """Close every run of this store whose process is gone, and remove its file.

    A file stays if its process lives, if it is of another store, or if closing raises.

    Args:
        folder: of these files.
        store: see `store_key`.
        close: is given a run's token.
    """
    for file in sorted(folder.glob("*")):
        descriptor = _taken(file)
        if descriptor is None:
            continue
        try:
            content, made = _content(descriptor), os.fstat(descriptor)
            copied = content.get("inode", made.st_ino) != made.st_ino  # with its folder: nobody's lock
            if content.get("store") == store and not copied:
                close(file.name)
                file.unlink(missing_ok=True)
            elif copied or (not content and time.time() - made.st_mtime > PATIENCE):
                file.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _taken(file: Path) -> int | None:
    """A descriptor that has the file's lock; None if its process lives, or another run has seen to it."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _content(descriptor: int) -> dict[str, object]:
    with suppress(ValueError):
        content = json.loads(os.pread(descriptor, 1000, 0))
        if isinstance(content, dict):
            return content
    return {}
