"""Axes of a grid on the command line: parameter=value,value."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import yaml

from backdoor_pipeline.base.errors import UserError, quoted
from backdoor_pipeline.experiment.yaml_text import load

ANOTHER = {  # how a further axis begins, if it is not a value, where the first one has this separator
    "=": re.compile(r"[a-z_][\w.]*="),
    ":": re.compile(r"[a-z_][\w.]*(=|:(?!/))"),  # not an address
}


def parse_axes(texts: Sequence[str], option: str) -> dict[str, list[Any]]:
    """The axes that an option of the command line, which can be given repeatedly, names.

    >>> parse_axes(["seed=0,1", "attack=badnets"], "--grid")
    {'seed': [0, 1], 'attack': ['badnets']}

    Raises:
        UserError: see `parse_axis`; or two are of one parameter.
    """
    axes = [parse_axis(text, option) for text in texts]
    for name, times in Counter(name for name, _ in axes).items():
        if times > 1:
            raise UserError(f"{option} {name} is there {times} times: give all its values to one.")
    return dict(axes)


def parse_axis(text: str, option: str = "--grid") -> tuple[str, list[Any]]:
    """An axis from the command line.

    Args:
        text: what the command line has.
        option: where it has it, for messages.

    >>> parse_axis("seed=0,1,2")
    ('seed', [0, 1, 2])

    Raises:
        UserError: it is not of the form parameter=value,value; or there are several of that form.
    """
    ends = [position for position in (text.find("="), text.find(":")) if position > 0]
    if not ends:
        raise UserError(f"{option}: {quoted(text)} is not of the form parameter=value,value.")
    name, values = text[: min(ends)].strip(), text[min(ends) + 1 :]
    another = ANOTHER[text[min(ends)]]
    try:
        parsed = load(f"[{values}]", name)
    except yaml.YAMLError:
        raise UserError(f"{option}: the values of {quoted(name)} are not a list: {quoted(values)}.") from None
    except UserError as error:
        raise UserError(f"{option}: {error}") from None
    if not isinstance(parsed, list):
        raise UserError(f"{option}: the values of {quoted(name)} are not a list: {quoted(values)}.")
    if other := [value for value in parsed if isinstance(value, str) and another.match(value)]:
        raise UserError(
            f"{option}: {quoted(other[0])} is no value of {quoted(name)}: give it {option} of its own."
        )
    return name, parsed
