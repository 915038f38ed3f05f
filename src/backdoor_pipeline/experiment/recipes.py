"""The one recipe common to all trainings, laid under what each block of parameters says of its own."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.training import Recipe

Params = Mapping[str, Any]


def spelled_out(params: Params) -> dict[str, Any]:
    """All parameters with every recipe in full, those of methods that have no block included."""
    common = params["recipe"]
    methods = {
        f"{registry.kind}s": {
            name: with_recipes(registry[name], params[f"{registry.kind}s"].get(name) or {}, common)
            for name in registry.names()
            if name != NONE
        }
        for registry in (ATTACKS, DEFENSES)
    }
    return {**params, **methods, "training": {**common, **params["training"]}}


def with_recipes(kind: type[BaseModel], block: Params, common: Params) -> dict[str, Any]:
    """A block of parameters in which every recipe has the common one's keys under its own.

    Args:
        kind: the class that the block is for. Its fields of type `Recipe`, however deep, are filled whether
            the block names them or not, except those that may be left out or be null.
        block: its fields, as far as the parameters name them.
        common: the common recipe.
    """
    filled = dict(block)
    for name, field in kind.model_fields.items():
        own = block.get(name)
        if own is None and _is_needed(field):
            own = {}  # not named, or `recipe:` with nothing below it
        model = _model(field.annotation)
        if model and isinstance(own, Mapping) and (inner := _inner(model, own, common)):
            filled[name] = inner
    return filled


def _inner(model: type[BaseModel], own: Params, common: Params) -> dict[str, Any]:
    return {**common, **own} if issubclass(model, Recipe) else with_recipes(model, own, common)


def _model(annotation: Any) -> type[BaseModel] | None:
    """The Pydantic class of a field, which may be optional; None: it has none, or a choice of several."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return models[0] if len(models) == 1 else None


def _is_needed(field: FieldInfo) -> bool:
    return field.is_required() and NoneType not in get_args(field.annotation)
