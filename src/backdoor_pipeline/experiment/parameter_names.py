"""The names of all parameters, checked before any work, of what an experiment does not use too (P8)."""

from collections.abc import Mapping
from typing import Any

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.control import TrainingControlledAttack
from backdoor_pipeline.base.errors import UserError, quoted, unknown
from backdoor_pipeline.base.names import check_name
from backdoor_pipeline.data.spec import ImageSpec, TextSpec, kind_of
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.recipes import spelled_out
from backdoor_pipeline.experiment.specs import Choices, Imported, Reporting, Scanning
from backdoor_pipeline.experiment.validation import check, check_given, check_names, check_values
from backdoor_pipeline.models import model_options
from backdoor_pipeline.models.factories import admit
from backdoor_pipeline.training import Recipe

Params = Mapping[str, Any]

TABLES = {"datasets", "budget", "models", "attacks", "defenses", "recipe", "training", "engine"}
TABLES |= {"watch", "analysis", "report", "imported", "scan"}


GIVEN_ELSEWHERE = {"name": "it is the block's own name", "train_images": "give it to `train_images`"}


OWN_FOLDERS = (
    "report",
    "results.parquet",
    "scans",
    "sweeps",
)  # beside those of data sets, in data/08_reporting


class _ImageBlock(ImageSpec):
    """A block of `datasets`: the facts, and the budget; see `experiment.budget`."""

    budget: dict[str, dict[str, Any]]


class _TextBlock(TextSpec):
    """The same of texts."""

    budget: dict[str, dict[str, Any]]


def check_names_of(params: Params) -> None:
    """Check the names of all parameters, of methods, models and data sets that are not used too.

    Raises:
        UserError: one is unknown or misspelt, or a table is none.
    """
    check_values(params, "")
    known = TABLES | set(Choices.model_fields)
    for name in params:
        if name not in known:
            raise unknown("parameter", name, known)
    for table in TABLES:
        _see_that_it_is_a_table(table, params.get(table))
    check(Reporting, params["report"], "report")
    check(Imported, params["imported"], "imported")
    check(Scanning, params["scan"], "scan")
    admit(params["models"])
    check_given(Recipe, params["recipe"], "recipe")
    check_given(Recipe, params["training"], "training")
    _check_names_in_blocks(params)
    fillable = _fillable(params)
    _check_names_of_budget(params["budget"], fillable, "budget")
    for name, facts in params["datasets"].items():
        _check_names_of_dataset(name, facts)
        _check_names_of_budget(facts.get("budget", {}), fillable, f"datasets.{name}.budget")


def _check_names_of_dataset(name: str, facts: object) -> None:
    check_name("a data set", name)
    if name in OWN_FOLDERS:
        raise UserError(f"a data set cannot be called '{name}': that is where reports, scans and sweeps go.")
    where = f"datasets.{name}"
    _see_that_it_is_a_table(where, facts)
    assert isinstance(facts, Mapping)
    for fact, instead in GIVEN_ELSEWHERE.items():
        if fact in facts:
            raise UserError(f"{where}.{fact} cannot be set: {instead}.")
    block = _TextBlock if kind_of(dict(facts)) == "text" else _ImageBlock
    check_names(block, {"name": name, **facts}, where)


def _check_names_in_blocks(params: Params) -> None:
    for kind in ("attacks", "defenses", "models"):
        for name, block in params[kind].items():
            _see_that_it_is_a_table(f"{kind}.{name}", {} if block is None else block)
    for registry in (ATTACKS, DEFENSES):
        for name, block in params[f"{registry.kind}s"].items():
            check_names(registry[name], block or {}, f"{registry.kind}s.{name}")
    for name, options in params["models"].items():
        model_options(name, options or {})


def _see_that_it_is_a_table(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise UserError(f"'{name}' must be a table of parameters, not {quoted(value)}.")


def _fillable(params: Params) -> dict[str, set[str]]:
    """The parameters that each block of a budget may give values to."""
    whole = spelled_out(params)
    attacks, defenses = (
        {method: _names(block) for method, block in whole[table].items()} for table in ("attacks", "defenses")
    )
    kinds = {"attacking": set().union(*attacks.values()), "defending": set().union(*defenses.values())}
    for name in attacks:
        if issubclass(ATTACKS[name], TrainingControlledAttack):
            attacks[name] |= _names(whole["training"])  # they also train the victim's model
    own = {name: _names(whole[name]) for name in ("training", "watch")}
    return own | kinds | attacks | defenses


def _names(params: Params) -> set[str]:
    """The names of values, not of the tables that they are in."""
    inner = [_names(value) for value in params.values() if isinstance(value, Mapping)]
    return {name for name, value in params.items() if not isinstance(value, Mapping)}.union(*inner)


def _check_names_of_budget(budget: Params, fillable: Mapping[str, set[str]], where: str) -> None:
    _see_that_it_is_a_table(where, budget)
    for block, values in budget.items():
        if block not in fillable:
            raise unknown(f"block of {where}", block, fillable)
        _see_that_it_is_a_table(f"{where}.{block}", values)
        for name in values:
            if name not in fillable[block]:
                raise unknown(f"parameter of {where}.{block}", name, fillable[block])
