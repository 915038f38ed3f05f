"""Reading many files of which some may be bad: each is named once and left out, and the rest goes on."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
from pydantic import ValidationError

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError

logger = logging.getLogger(__name__)

T = TypeVar("T")

BAD = (
    CorruptFileError, UserError, OSError, ValueError, TypeError, RecursionError, MemoryError,
    pa.ArrowException,
)  # fmt: skip
LONGEST = 200  # characters of a reason
NO_OBJECT = ("model_type", "dataclass_type")  # Pydantic's words for it name classes of ours


class LeftOut:
    """Names what cannot be used, each file once; readers of the same files share one."""

    def __init__(self) -> None:
        self._named: set[Path] = set()

    def read(self, file: Path, read: Callable[[Path], T], advice: str) -> T | None:
        """What a file holds; None if it cannot be used.

        Args:
            file: it is there.
            read: reads and checks it; raises one of `BAD`.
            advice: what to do about wrong content, such as "delete it".
        """
        try:
            return read(file)
        except BAD as error:
            self.name(file, error, advice)
            return None

    def name(self, file: Path, error: Exception, advice: str, rows: int = 0) -> None:
        """Warn of a file, or of so many of its rows, unless that was done."""
        if file in self._named:
            return
        self._named.add(file)
        what = f"{rows} row{'s' if rows > 1 else ''} of {file}" if rows else str(file)
        if isinstance(error, UserError):  # the system does not let it be read: its sentence says what to do
            logger.warning("left out %s: %s", what, error)
        else:
            logger.warning("left out %s (%s): %s.", what, reason(error), advice)


def reason(error: Exception) -> str:
    """What is wrong, in a few words.

    >>> reason(ValueError("not a number"))
    'not a number'
    """
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        if first["type"] in NO_OBJECT and not first["loc"]:
            return "not an object with named values"
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    return str(error).split("\n")[0][:LONGEST] or type(error).__name__
