"""Settings checked by Pydantic, their errors told in one sentence (P8)."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backdoor_pipeline.base.errors import UserError

ModelT = TypeVar("ModelT", bound=BaseModel)


def check(kind: type[ModelT], values: Mapping[str, Any], where: str) -> ModelT:
    """Build `kind` from `values`.

    Args:
        kind: the Pydantic class.
        values: its fields.
        where: the dotted path of these values in the parameters, for the message; "" at the top.

    Raises:
        UserError: naming the parameter, what is wrong with it, and the closest known name of a misspelt one.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        names = [*([where] if where else []), *map(str, first["loc"])]
        raise UserError(_sentence(".".join(names), first, _fields_at(kind, first["loc"]))) from None


def check_names(kind: type[BaseModel], values: Mapping[str, Any], where: str) -> None:
    """Check only the names in `values`, of settings that this experiment does not use.

    Raises:
        UserError: a name is unknown.
    """
    _tell_first(kind, values, where, lambda error: error["type"] == "extra_forbidden")


def check_given(kind: type[BaseModel], values: Mapping[str, Any], where: str) -> None:
    """Check the names in `values`, and the values that are not null, of settings that others complete.

    Raises:
        UserError: a name is unknown, or a value is of the wrong type or out of range.
    """
    given = {
        name: value for name, value in values.items() if value is not None or name not in kind.model_fields
    }
    _tell_first(kind, given, where, lambda error: error["type"] != "missing")


def _tell_first(
    kind: type[BaseModel], values: Mapping[str, Any], where: str, counts: Callable[[ErrorDetails], bool]
) -> None:
    try:
        kind.model_validate(values)
    except ValidationError as error:
        for one in filter(counts, error.errors()):
            path = ".".join([where, *map(str, one["loc"])])
            raise UserError(_sentence(path, one, _fields_at(kind, one["loc"]))) from None


def _sentence(path: str, error: ErrorDetails, siblings: list[str]) -> str:
    if error["type"] == "extra_forbidden":
        close = get_close_matches(path.rsplit(".", 1)[-1], siblings, n=1)
        hint = f" did you mean '{close[0]}'?" if close else ""
        return f"unknown parameter '{path}':{hint} Known: {', '.join(sorted(siblings))}."
    if error["type"] == "missing" or error["input"] is None:
        return f"'{path}' has no value: neither the parameters nor the data set's budget give one."
    reason = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{path} is {error['input']!r}, which won't do: {reason[0].lower()}{reason[1:]}."


def _fields_at(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The field names of the (nested) model that an error's location ends in."""
    for part in location[:-1]:
        field = kind.model_fields.get(str(part))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            return []
        kind = field.annotation
    return list(kind.model_fields)
