"""The names of all parameters, checked before any work, of what an experiment does not use too (P8)."""

from collections.abc import Mapping
from typing import Any

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.specs import Choices, Reporting
from backdoor_pipeline.experiment.validation import check, check_names
from backdoor_pipeline.models import model_options

Params = Mapping[str, Any]


class _DatasetBlock(DatasetSpec):
    """A block of `datasets`: the facts, and the budget that `_fill` reads."""

    budget: dict[str, dict[str, Any]]


def check_names_of(params: Params) -> None:
    """Check the names of all parameters, of methods, models and data sets that are not used too.

    Raises:
        UserError: one is unknown or misspelt, or a table is none.
    """
    tables = {"datasets", "models", "attacks", "defenses", "training", "engine"}
    tables |= {"watch", "analysis", "report"}
    known = tables | set(Choices.model_fields)
    for name in params:
        if name not in known:
            raise unknown("parameter", name, known)
    for table in tables:
        if not isinstance(params.get(table), Mapping):
            raise UserError(f"'{table}' must be a table of parameters, not {params.get(table)!r}.")
    check(Reporting, params["report"], "report")
    for registry in (ATTACKS, DEFENSES):
        for name, block in params[f"{registry.kind}s"].items():
            check_names(registry[name], block or {}, f"{registry.kind}s.{name}")
    for name, options in params["models"].items():
        model_options(name, options or {})
    fillable = _fillable(params)
    for name, facts in params["datasets"].items():
        check_names(_DatasetBlock, {"name": name, **facts}, f"datasets.{name}")
        _check_names_of_budget(facts.get("budget", {}), fillable, f"datasets.{name}.budget")


def _fillable(params: Params) -> dict[str, set[str]]:
    """The parameters that each block of a budget may give values to."""
    methods = {
        "attacking": _names_by_method(params["attacks"], ATTACKS.names()),
        "defending": _names_by_method(params["defenses"], DEFENSES.names()),
    }
    own = {"training": _names(params["training"]) | {"epochs"}, "watch": _names(params["watch"])}
    shared = {common: set().union(*blocks.values()) for common, blocks in methods.items()}
    return own | shared | methods["attacking"] | methods["defending"]


def _names_by_method(blocks: Params, methods: list[str]) -> dict[str, set[str]]:
    return {method: _names(blocks.get(method) or {}) for method in methods}


def _names(params: Params) -> set[str]:
    inner = [_names(value) for value in params.values() if isinstance(value, Mapping)]
    return set(params).union(*inner)


def _check_names_of_budget(budget: Params, fillable: Mapping[str, set[str]], where: str) -> None:
    for block, values in budget.items():
        if block not in fillable:
            raise unknown(f"block of {where}", block, fillable)
        for name in values:
            if name not in fillable[block]:
                raise unknown(f"parameter of {where}.{block}", name, fillable[block])
