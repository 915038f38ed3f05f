"""Nested parameters and their dotted names."""

from collections.abc import Mapping
from typing import Any

from backdoor_pipeline.base.errors import UserError, quoted

Flat = dict[str, Any]  # dotted parameter -> value
Nested = dict[str, Any]
DEEPEST = 50  # tables within tables


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Flat:
    """Nested parameters as dotted ones.

    >>> flatten({"training": {"lr": 0.1}, "seed": 0})
    {'training.lr': 0.1, 'seed': 0}
    """
    flat: Flat = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def nest(flat: Mapping[str, Any]) -> Nested:
    """Dotted parameters as nested ones.

    >>> nest({"seed": 1, "training.lr": 0.1})
    {'seed': 1, 'training': {'lr': 0.1}}

    Raises:
        UserError: one parameter goes below another that has a value of its own.
    """
    nested: Nested = {}
    for name, value in flat.items():
        put(nested, name, value)
    return nested


def put(nested: Nested, name: str, value: Any) -> None:
    """Set the parameter with this dotted name; a table is laid over what is there, and copied.

    Raises:
        UserError: it goes below another that has a value of its own, or too deep.
    """
    *parents, last = name.split(".")
    if len(parents) > DEEPEST:
        raise UserError(f"{quoted(name)} is nested more than {DEEPEST} deep.")
    for parent in parents:
        nested = nested.setdefault(parent, {})
        if not isinstance(nested, dict):
            raise UserError(
                f"{quoted(name)} goes below {quoted(parent)}, which was given a value of its own."
            )
    nested[last] = _laid(nested.get(last), value) if isinstance(value, Mapping) else value


def overlaid(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Nested:
    """`base` with nested changes over it; neither is changed, and what stays the same is shared."""
    merged = dict(base)
    for key, value in changes.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = overlaid(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _laid(below: Any, table: Mapping[str, Any]) -> Nested:
    """A table over what is there, with no table of its own: somebody may write into it."""
    laid = dict(below) if isinstance(below, Mapping) else {}
    for key, value in table.items():
        laid[key] = _laid(laid.get(key), value) if isinstance(value, Mapping) else value
    return laid
