"""The defaults of `conf/base`, where a caller names no value."""

from typing import Any

from backdoor_pipeline.base.errors import unknown
from backdoor_pipeline.base.nesting import Nested, overlaid
from backdoor_pipeline.base.registry import MethodT, Registry
from backdoor_pipeline.experiment.budget import Budget
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.experiment.resolve import method
from backdoor_pipeline.experiment.validation import check
from backdoor_pipeline.training import Engine, Recipe, Trainer


def engine(**changes: Any) -> Engine:
    """How to run: device, precision, compilation; see `Engine`.

    Raises:
        UserError: a name or a value is none.
    """
    return check(Engine, {**base_parameters()["engine"], **changes}, "engine")


def trainer_of(given: Engine | None) -> Trainer:
    """The engine, or that of the defaults, at work; images are not varied."""
    return Trainer(given or engine(), None)


def choice(name: str) -> Any:
    """A default of `experiment.yml`, such as the poison ratio."""
    return base_parameters()[name]


def recipe(budget: str | None = None, **changes: Any) -> Recipe:
    """How a model is trained.

    Args:
        budget: a data set of `conf/base`, whose epochs, learning rate and so on are taken; None: those that
            are common to all, the paper's of CIFAR-10.
        changes: fields of `Recipe`.

    Raises:
        UserError: a name or a value is none.
    """
    params = base_parameters()
    block = {**params["recipe"], **params["training"], **changes}
    return check(Recipe, _budget(budget).fill(block, "training", "training"), "training")


def with_defaults(
    registry: Registry[MethodT], name: str, budget: str | None, common: str, changes: Nested
) -> MethodT:
    """An attack or a defense; what `changes` does not say, the defaults do.

    Raises:
        UserError: the method, a parameter or the budget is not known, or a value is none.
    """
    params, table = base_parameters(), f"{registry.kind}s"
    changed = {name: overlaid(params[table].get(name) or {}, changes)}
    return method(registry, name, {**params, table: {**params[table], **changed}}, _budget(budget), common)


def _budget(name: str | None) -> Budget:
    params = base_parameters()
    if name is not None and name not in params["datasets"]:
        raise unknown("budget", name, params["datasets"])
    own = params["datasets"][name].get("budget", {}) if name else {}
    return Budget.of(params["budget"], own)
