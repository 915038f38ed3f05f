"""The defaults of `conf/base`, where a caller names no value."""

from collections.abc import Iterable
from typing import Any

from backdoor_pipeline.base.errors import UserError, quoted, unknown
from backdoor_pipeline.base.nesting import Nested, overlaid
from backdoor_pipeline.base.registry import NONE, MethodT, Registry
from backdoor_pipeline.experiment.budget import Budget
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.experiment.kinds import methods
from backdoor_pipeline.experiment.resolve import method
from backdoor_pipeline.experiment.specs import Choices
from backdoor_pipeline.experiment.validation import check
from backdoor_pipeline.training import Engine, Recipe, Trainer


def engine(**changes: Any) -> Engine:
    """How to run: device, precision, compilation; see `Engine`.

    Raises:
        UserError: a name or a value is none.
    """
    return check(Engine, {**base_parameters()["engine"], **changes}, "engine")


def trainer_of(given: Engine | None) -> Trainer:
    """The engine, or that of the defaults, at work; images are not varied.

    Raises:
        UserError: it is none, or there is no such device.
    """
    if not isinstance(given, Engine | None):
        raise UserError(f"{quoted(given)} is no engine: give api.engine(...), such as engine(device='cpu').")
    return Trainer(given or engine(), None)


def choices(**given: Any) -> Choices:
    """The choices of `experiment.yml`, these in their places; None: the default.

    Raises:
        UserError: one is of the wrong type or out of range.
    """
    params = base_parameters()
    asked = {name: params[name] if given.get(name) is None else given[name] for name in Choices.model_fields}
    return check(Choices, asked, "")


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
    known_class(registry, name)
    params, table = base_parameters(), f"{registry.kind}s"
    changed = {name: overlaid(params[table].get(name) or {}, changes)}
    return method(registry, name, {**params, table: {**params[table], **changed}}, _budget(budget), common)


def known_class(registry: Registry[MethodT], name: Any) -> type[MethodT]:
    """The attack or the defense of that name.

    Raises:
        UserError: there is none; `none` is one for experiments only.
    """
    known = methods(registry)
    if name == NONE:
        raise UserError(f"'{NONE}' is no {registry.kind}: choose one of {', '.join(known)}.")
    return registry[one_of(known, name, registry.kind)]


def one_of(known: Iterable[str], name: Any, kind: str) -> str:
    """The name, which has to be a known one; it may be anything, also what no table can be asked for.

    Raises:
        UserError: it is not.
    """
    if not isinstance(name, str) or name not in known:
        raise unknown(kind, name, known)
    return name


def _budget(name: str | None) -> Budget:
    params = base_parameters()
    own = {} if name is None else params["datasets"][one_of(params["datasets"], name, "budget")]
    return Budget.of(params["budget"], own.get("budget", {}))
