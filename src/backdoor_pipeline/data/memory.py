"""What was read of a data set's files, remembered beside the data, so that it is not read again."""

import hashlib
import logging
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.data.listing import stamp

logger = logging.getLogger(__name__)

Roots = dict[str, list[str]]  # part of a data set -> its files and folders


class Known(BaseModel):
    """What is known of the files of a data set. Their names are relative paths: the data can be moved.

    Attributes:
        roots: the files and folders of each part of the set.
        content: the digest of all that they hold.
        read: of each file or folder, the signature of its listing and the digest of what its files hold.
        glance: of a large set, the stamps that tell whether it has changed without listing all files.
        counted: what the counts are of: the content and the settings that labels are read by.
        counts: of each split, the images of every class.
        paraphrased: the training sentences of every class that have a paraphrase; of images none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    roots: Roots = {}
    content: str = ""
    read: dict[str, tuple[str, str]] = {}
    glance: dict[str, str] = {}
    counted: str = ""
    counts: dict[str, tuple[int, ...]] = {}
    paraphrased: tuple[int, ...] = ()


class Memory:
    """What this process knows of a data set: at first what a file says, which `keep` brings up to date.

    Args:
        file: where it is kept. It need not be there, and may be deleted: all is read anew then.
        base: the folder that names are relative to.
    """

    def __init__(self, file: Path, base: Path) -> None:
        self._file, self._base = file, base
        self._kept = self.known = _read(file)

    def learn(self, **changes: Any) -> None:
        """Replace some of what is known."""
        self.known = self.known.model_copy(update=changes)

    def name(self, path: Path) -> str:
        """What a path is called here."""
        return os.path.relpath(path, self._base)

    def path(self, name: str) -> Path:
        """The path of that name."""
        return Path(os.path.normpath(self._base / name))

    def unchanged(self, roots: Roots) -> bool:
        """Whether a large set is as it was, by a glance at its folders and at the sample of its files."""
        if not self.known.glance or self.known.roots != roots:
            return False
        with suppress(OSError):
            return all(stamp(os.stat(self.path(name))) == was for name, was in self.known.glance.items())
        return False

    def keep(self) -> None:
        """Write down what has been learned; a folder that cannot be written to is no reason to stop."""
        if self.known == self._kept:
            return
        text = self.known.model_dump_json()
        try:
            with replacing(self._file) as temporary:
                temporary.write_text(f"{_checksum(text)}\n{text}\n", encoding="utf-8")
            self._kept = self.known
        except (OSError, UserError) as error:
            logger.debug("%s cannot be written (%s): the data set will be read again.", self._file, error)


@cache
def memory(file: Path, base: Path) -> Memory:
    """The memory that is kept in this file, one for each process."""
    return Memory(file, base)


def _read(file: Path) -> Known:
    """What a file says; nothing if it is not whole."""
    with suppress(OSError, ValueError):
        checksum, text = file.read_text(encoding="utf-8").strip().split("\n")
        if checksum == _checksum(text):
            return Known.model_validate_json(text)
    return Known()


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
