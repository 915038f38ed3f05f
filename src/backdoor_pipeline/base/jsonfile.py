"""A JSON object in a sealed file: whole and checked (P4)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backdoor_pipeline.base.files import CorruptFileError, replacing
from backdoor_pipeline.base.reading import patiently
from backdoor_pipeline.base.seals import ANYONES, KEY, Seal


def save_json(
    path: Path, content: Mapping[str, Any], seal: Seal = ANYONES, *, indent: int | None = 2
) -> None:
    """Write a JSON object, with its seal as one more key.

    Raises:
        UserError: it cannot be written.
    """
    text = json.dumps({**content, KEY: seal.blank}, indent=indent)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
        seal.close(temporary)


def load_json(path: Path, seal: Seal = ANYONES) -> dict[str, Any]:
    """What was written, without the seal.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is not what was written.
        UserError: it cannot be read.
    """
    seal.check(path)
    try:
        content: dict[str, Any] = json.loads(patiently(Path.read_bytes, path))
        del content[KEY]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(f"it is no sealed JSON object: {error}") from error
    return content
