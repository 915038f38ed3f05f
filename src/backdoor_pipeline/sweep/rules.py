"""Rules of a grid: which parameters take which values, tables of parameters among them."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any

from backdoor_pipeline.base.nesting import Flat, flatten

Rule = Mapping[str, Any]  # dotted parameter -> a value, or a list of them


def combinations(axes: Rule) -> Iterator[Flat]:
    """All combinations of the axes' values, flat; what is no list stands for itself.

    >>> list(combinations({"seed": [0, 1], "training": {"lr": 0.1}}))
    [{'seed': 0, 'training.lr': 0.1}, {'seed': 1, 'training.lr': 0.1}]
    """
    for values in product(*map(_values, axes.values())):
        yield _flat(dict(zip(axes, values, strict=True)))


def without(rule: Rule, names: Iterable[str]) -> dict[str, Any]:
    """The rule without these parameters, also where it gives them in tables.

    >>> without({"seed": 0, "training": {"lr": 0.1, "batch_size": 8}}, ["seed", "training.lr"])
    {'training': {'batch_size': 8}}
    """
    gone = set(names)
    return {name: _stripped(name, value, gone) for name, value in rule.items() if name not in gone}


def parameters_of(rule: Rule) -> Iterator[str]:
    """The dotted names of all that a rule gives or asks for; of an empty table its own."""
    for name, value in rule.items():
        for one in _values(value):
            yield from _flat({name: one})


def matching(cells: Iterable[Flat], rule: Rule, defaults: Rule = MappingProxyType({})) -> list[bool]:
    """Whether each cell has every value (or one of every list of values) that a rule names.

    Args:
        cells: flat.
        rule: of tables, all that they name counts.
        defaults: what cells have that do not say it.
    """
    wanted = [[_flat({name: one}).items() for one in _values(value)] for name, value in rule.items()]

    def has(cell: Flat, name: str, value: Any) -> bool:
        given = cell if name in cell else defaults
        return name in given and bool(given[name] == value)

    return [
        all(any(all(has(cell, *one) for one in option) for option in options) for options in wanted)
        for cell in cells
    ]


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _flat(cell: Rule) -> Flat:
    """Flat; a table without anything in it is kept: it tells a cell from others, and changes nothing."""
    empty: Flat = {
        name: {} for name, value in cell.items() if isinstance(value, Mapping) and not flatten(value)
    }
    return {**empty, **flatten(cell)}


def _stripped(name: str, value: Any, gone: set[str]) -> Any:
    if isinstance(value, list):
        return [_in_table(name, one, gone) for one in value]
    return _in_table(name, value, gone)


def _in_table(name: str, value: Any, gone: set[str]) -> Any:
    """A list in a table is one value, whatever it holds."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: _in_table(f"{name}.{key}", below, gone)
        for key, below in value.items()
        if f"{name}.{key}" not in gone
    }
