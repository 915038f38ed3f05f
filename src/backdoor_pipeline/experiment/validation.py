"""Settings checked by Pydantic, their errors told in one sentence (P8)."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from backdoor_pipeline.base.errors import UserError, quoted

ModelT = TypeVar("ModelT", bound=BaseModel)
SCALARS = (str, int, float, type(None))
LARGEST = 2**63  # of whole numbers: what seeds, tensors and databases hold


def check_values(value: object, where: str) -> None:
    """See that every value is a truth value, a text or a number that can be computed with.

    Args:
        value: one, or any nesting of them.
        where: its dotted path, for the message.

    Raises:
        UserError: one is not finite, too large or no Unicode; a name is no text.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise UserError(f"{where}: {quoted(name)} is no name; put it in quotes.")
            check_values(name, "a name")
            check_values(inner, f"{where}.{name}" if where else name)
    elif isinstance(value, list | tuple):
        for inner in value:
            check_values(inner, where)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{where} is {value}: give it a finite number.")
    elif isinstance(value, int) and abs(value) >= LARGEST:
        raise UserError(f"{where} is a number of {value.bit_length()} bits: give it one below 2^63.")
    elif isinstance(value, str) and not _is_unicode(value):
        raise UserError(f"{where} is {quoted(value)}, which is not Unicode.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of the command line that are not UTF-8
        return False
    return True


def check(kind: type[ModelT], values: Mapping[str, Any], where: str) -> ModelT:
    """Build `kind` from `values`.

    Args:
        kind: the Pydantic class.
        values: its fields.
        where: the dotted path of these values in the parameters, for the message; "" at the top.

    Raises:
        UserError: naming the parameter, what is wrong with it, and the closest known name of a misspelt one;
            of parameters without a value all of them, and the file that they may be put into.
    """
    try:
        made = kind.model_validate(values)
    except ValidationError as error:
        raise told_of(error, kind, where) from None
    for location in _truths_for_numbers(values, made):
        raise UserError(f"{_path(where, location)} is a truth value, which won't do: give it a number.")
    return made


def told_of(error: ValidationError, kind: type[BaseModel], where: str) -> UserError:
    """What Pydantic found wrong with the fields of `kind`, as `check` tells it."""
    return UserError(_told(kind, error.errors(), where))


def _truths_for_numbers(given: object, made: object) -> Iterator[tuple[object, ...]]:
    """Where `true` was taken for 1, which Pydantic allows: `seed: true` is a slip, not a seed."""
    for name, inner, result in _pairs(given, made):
        if isinstance(inner, bool):
            if not isinstance(result, bool):
                yield (name,)
        elif not isinstance(inner, SCALARS):  # a sweep asks of a million values: most are one of these
            yield from ((name, *location) for location in _truths_for_numbers(inner, result))


def _pairs(given: object, made: object) -> list[tuple[object, object, object]]:
    """What is in both, each with its name or place."""
    if isinstance(given, Mapping):
        if isinstance(made, BaseModel):
            fields = type(made).model_fields
            return [(name, inner, getattr(made, name)) for name, inner in given.items() if name in fields]
        if isinstance(made, Mapping):
            return [(name, inner, made.get(name)) for name, inner in given.items()]
    elif isinstance(given, list | tuple) and isinstance(made, list | tuple):
        return list(zip(range(len(given)), given, made, strict=True))
    return []


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
            path = _path(where, one["loc"])
            raise UserError(_sentence(path, one, _fields_at(kind, one["loc"]))) from None


def _told(kind: type[BaseModel], errors: list[ErrorDetails], where: str) -> str:
    """A misspelt name first, as it may be why another one is missing; then all that is missing at once."""
    first = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    if not _is_missing(first):
        return _sentence(_path(where, first["loc"]), first, _fields_at(kind, first["loc"]))
    return lacking([_path(where, one["loc"]) for one in errors if _is_missing(one)])


def _is_missing(error: ErrorDetails) -> bool:
    return error["type"] == "missing" or (error["input"] is None and error["type"] != "extra_forbidden")


def lacking(paths: Sequence[str]) -> str:
    """What there is to say of parameters that have no value: all of them, and a file to put them into.

    >>> lacking(["seed"])[-49:]
    'put it into conf/local/parameters/experiment.yml.'
    """
    named = [f"'{path}'" for path in paths]
    listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    table = paths[0].partition(".")[0] if "." in paths[0] else "experiment"
    file = "mlflow.yml" if table == "mlflow" else f"parameters/{table}.yml"
    have, them = ("have", "them") if len(paths) > 1 else ("has", "it")
    return (
        f"{listed} {have} no value: neither the parameters nor the data set's budget give one; "
        f"put {them} into conf/local/{file}."
    )


def _path(where: str, location: Iterable[object]) -> str:
    return ".".join([*([where] if where else []), *map(str, location)])


def _sentence(path: str, error: ErrorDetails, siblings: list[str]) -> str:
    if error["type"] == "extra_forbidden":
        close = get_close_matches(path.rsplit(".", 1)[-1], siblings, n=1)
        hint = f" did you mean '{close[0]}'?" if close else ""
        return f"unknown parameter {quoted(path)}:{hint} Known: {', '.join(sorted(siblings))}."
    if _is_missing(error):
        return lacking([path])
    reason = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if error["type"] == "tuple_type":
        reason = "should be a list; put it in brackets"
    given = "" if isinstance(error["input"], Mapping) else f" is {quoted(error['input'])}, which"
    return f"{path}{given} won't do: {reason[0].lower()}{reason[1:]}."


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
