"""What may be a name: it ends up in the paths of files, and must not lead out of their folder."""

import re
from pathlib import PurePath
from typing import Annotated

from pydantic import AfterValidator

from backdoor_pipeline.base.errors import UserError, quoted

RULE = "letters, digits, '.', '_' and '-', at most 100, the first one no dot"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
MAX_PART = 200  # characters between slashes; file systems end at 255


def is_name(text: object) -> bool:
    """Whether a text is a name.

    >>> is_name("cifar10-jpeg.v2"), is_name("../escaped"), is_name(".hidden")
    (True, False, False)
    """
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def check_name(kind: str, text: object) -> None:
    """See that something is called by a name.

    Args:
        kind: what it is, for the message.
        text: what it is called.

    Raises:
        UserError: that is not a name.
    """
    if not is_name(text):
        raise UserError(f"{kind} cannot be called {quoted(text)}: a name is made of {RULE}.")


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"a name is made of {RULE}")
    return text


Name = Annotated[str, AfterValidator(_name)]


def why_no_path_below(text: str) -> str | None:
    """What keeps a text from being the path, or the pattern, of something below a folder; None: nothing.

    >>> why_no_path_below("images/train-*.parquet")
    >>> why_no_path_below("../elsewhere")
    "it leaves the data set's folder; set the option `folder` for another"
    """
    path = PurePath(text)
    if path.is_absolute():
        return "it must be relative to the data set's folder; set the option `folder` for another"
    if ".." in path.parts:
        return "it leaves the data set's folder; set the option `folder` for another"
    return why_no_path(text)


def why_no_path(text: str) -> str | None:
    """What keeps a text from being a path or a pattern of paths at all; None: nothing."""
    parts = PurePath(text).parts
    if not text.strip() or not text.isprintable():
        return "it is empty" if not text.strip() else "it has characters that no one can see"
    if any(len(part) > MAX_PART for part in parts):
        return f"no part of a path may be longer than {MAX_PART} characters"
    if any("**" in part and part != "**" for part in parts):
        return "'**' stands for folders, so it must stand by itself between slashes"
    return None
