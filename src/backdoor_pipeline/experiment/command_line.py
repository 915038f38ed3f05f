"""What `--params` takes: `key:value` or `key=value`, several, nested, repeated; and how errors end."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import yaml

from backdoor_pipeline.base.errors import UserError, user_error
from backdoor_pipeline.base.nesting import put

OPEN, CLOSE = "[{(", ")}]"


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn a `UserError`, however deep Kedro wrapped it, into its sentence and exit code 1."""
    try:
        yield
    except Exception as error:
        cause = user_error(error)
        if cause is None:
            raise
        raise click.ClickException(str(cause)) from None


def parse_params(texts: Iterable[str]) -> dict[str, Any]:
    """Nested parameters from the command line's texts; of two values for one key the last one counts.

    >>> parse_params(["attack:badnets,poison_ratio=0.05", "training.milestones=[50,75]"])
    {'attack': 'badnets', 'poison_ratio': 0.05, 'training': {'milestones': [50, 75]}}

    Raises:
        UserError: an item without a key or a separator.
    """
    params: dict[str, Any] = {}
    for text in texts:
        for item in _split(text):
            key, value = _parse_item(item)
            _put(params, key, value, item)
    return params


def _split(text: str) -> list[str]:
    """Items between the commas that are outside brackets and quotes."""
    items, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        depth += (character in OPEN) - (character in CLOSE)
        if character == "," and depth == 0 and not quote:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items if item.strip()]


def _parse_item(item: str) -> tuple[str, Any]:
    ends = [position for position in (item.find(":"), item.find("=")) if position > 0]
    if not ends:
        raise UserError(f"--params: '{item}' is not of the form key:value or key=value.")
    key, text = item[: min(ends)].strip(), item[min(ends) + 1 :].strip()
    try:
        return key, yaml.safe_load(text)
    except yaml.YAMLError:
        return key, text


def _put(params: dict[str, Any], name: str, value: Any, item: str) -> None:
    if not all(name.split(".")):
        raise UserError(f"--params: '{item}' has an empty part in its key.")
    try:
        put(params, name, value)
    except UserError as error:
        raise UserError(f"--params: {error}") from None
