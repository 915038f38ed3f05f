"""Reading with patience: a file system's hiccup is not damage, and costs nothing but a little time (P4)."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError

logger = logging.getLogger(__name__)

T = TypeVar("T")

PAUSES = (0.1, 0.5, 2.0)  # seconds before each further try


def patiently(read: Callable[[Path], T], path: Path) -> T:
    """What `read(path)` returns; tried again if the file system fails.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: its content is wrong, or it is a folder.
        UserError: it cannot be read, however often; the sentence says what to do.
    """
    for pause in (*PAUSES, None):
        try:
            return read(path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(f"no file {path}") from error
        except IsADirectoryError as error:
            raise CorruptFileError("it is a folder") from error
        except OSError as error:
            if error.errno is None:  # not the system's word, but a decoder's on what it was given
                raise CorruptFileError(str(error)) from error
            if pause is None or isinstance(error, PermissionError):
                raise UserError(
                    f"{path} cannot be read ({error.strerror}): nothing was changed; see to that disk and "
                    "repeat the command."
                ) from error
            logger.warning("%s could not be read (%s): it is tried again.", path, error.strerror)
            time.sleep(pause)
    raise AssertionError("the last try returns or raises")
