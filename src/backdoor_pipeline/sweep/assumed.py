"""What a plan will cost on a machine that it has not run on: from a file that says what stages take there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.validation import check
from backdoor_pipeline.experiment.yaml_text import read_yaml_file
from backdoor_pipeline.sweep.plan import Cell, Plan
from backdoor_pipeline.sweep.timings import LIKE

WHOSE = ("dataset", "model", "attack", "defense")
Count = Annotated[int, Field(ge=1)]
Factor = Annotated[float, Field(gt=0)]
Stage = Literal["prepare", "poison", "train", "watch", "defend", "evaluate", "analyze"]


class Rule(BaseModel):
    """What a stage takes of these data sets, models, attacks and defenses; of all where none is named.

    Attributes:
        seconds: whatever the model and the data set.
        epochs: of the victim's training, to be had in the same time.
        own_epochs: this many for every epoch of the experiment's own training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: list[str] | None = None
    model: list[str] | None = None
    attack: list[str] | None = None
    defense: list[str] | None = None
    seconds: float = Field(0, ge=0)
    epochs: float = Field(0, ge=0)
    own_epochs: float = Field(0, ge=0)

    def fits(self, cell: Cell) -> bool:
        """Whether a cell is one of those."""
        named = {name: getattr(self, name) for name in WHOSE}
        return all(one is None or choice(cell, name) in one for name, one in named.items())


class Machine(BaseModel):
    """The file of `--assume`.

    Attributes:
        machine: a device, in words.
        basis: where the numbers come from: what was measured, and what was not.
        devices: of each of these numbers of them the hours are told.
        at_once: how many stages a device works on at a time; all that follows is of one among so many.
        epoch: seconds of a training epoch of the model and the data set whose factors are 1.
        models: for each, how much longer an epoch takes.
        datasets: likewise.
        stages: rules, of which the first that fits a cell counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    machine: str = Field(min_length=1)
    basis: str = Field(min_length=1)
    devices: list[Count] = Field(min_length=1)
    at_once: int = Field(1, ge=1)
    epoch: float = Field(gt=0)
    models: dict[str, Factor]
    datasets: dict[str, Factor]
    stages: dict[Stage, list[Rule]]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan will cost.

    Attributes:
        counts: for each stage, how many of its artefacts are to be built: what cells share is one.
        seconds: for each stage, of all of these.
        longest: of the stages that one cell waits for, one after another, at most.
    """

    counts: dict[str, int]
    seconds: dict[str, float]
    longest: float

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())

    def wall(self, devices: int, at_once: int) -> float:
        """Seconds that pass, at the least, if so many devices work on so many stages each."""
        return max(self.total / (devices * at_once), self.longest)


def read_machine(file: Path) -> Machine:
    """What a file says of a machine.

    Raises:
        UserError: there is no such file, or it does not say that.
    """
    if not file.is_file():
        raise UserError(f"--assume: there is no file {file}.")
    content = read_yaml_file(file)
    if not isinstance(content, Mapping):
        raise UserError(f"{file} describes no machine: it needs `machine`, `epoch`, `stages` and others.")
    try:
        return check(Machine, _with_lists(content), "")
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _with_lists(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with a list where a rule names one data set, model, attack or defense."""
    stages = content.get("stages")
    if not isinstance(stages, Mapping):
        return dict(content)
    return {**content, "stages": {stage: _rules(rules) for stage, rules in stages.items()}}


def _rules(rules: Any) -> Any:
    if not isinstance(rules, list):
        return rules
    return [
        {name: [value] if name in WHOSE and isinstance(value, str) else value for name, value in rule.items()}
        if isinstance(rule, Mapping)
        else rule
        for rule in rules
    ]


def choice(cell: Cell, name: str) -> str:
    """What a cell has chosen, such as its attack."""
    return str(getattr(cell.experiment.choices, name))


def stage_seconds(machine: Machine, stage: str, cell: Cell) -> float:
    """Seconds of a stage of this cell: `seconds + (epochs + own_epochs * its epochs) * epoch * factors`.

    Raises:
        UserError: the machine's file says nothing of such a stage, model or data set.
    """
    stage = LIKE.get(stage, stage)
    fitting = (
        one for name, rules in machine.stages.items() if name == stage for one in rules if one.fits(cell)
    )
    rule = next(fitting, None)
    if rule is None:
        whose = ", ".join(f"{name} {choice(cell, name)}" for name in WHOSE)
        raise UserError(
            f"stages.{stage} has no rule for {whose}: give it one, `seconds: 0` if it takes no time."
        )
    epochs: float = rule.epochs + rule.own_epochs * cell.experiment.training.recipe.epochs
    return float(rule.seconds + (epochs * machine.epoch * _factor(machine, cell) if epochs else 0))


def _factor(machine: Machine, cell: Cell) -> float:
    found = 1.0
    for table, name in (("models", choice(cell, "model")), ("datasets", choice(cell, "dataset"))):
        factors: dict[str, float] = getattr(machine, table)
        if name not in factors:
            raise UserError(f"{table} has no factor for {name}: give it one.")
        found *= factors[name]
    return found


def cost_of(plan: Plan, machine: Machine, file: str) -> Cost:
    """What all that a plan is to build costs there, each artefact once.

    Args:
        plan: what is to be built.
        machine: where.
        file: that says so, for the message.

    Raises:
        UserError: see `stage_seconds`.
    """
    built = plan.to_build()
    try:
        each = {
            (stage, cell.names[stage]): stage_seconds(machine, stage, cell)
            for stage, cells in built.items()
            for cell in cells
        }
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    seconds = {stage: sum(each[stage, cell.names[stage]] for cell in cells) for stage, cells in built.items()}
    ends: dict[str, float] = {}
    for id, task in plan.tasks.items():  # each comes after what it needs
        own = sum(each[stage, task.cell.names[stage]] for stage in task.stages)
        ends[id] = own + max((ends[need] for need in task.needs), default=0)
    longest = max(ends.values(), default=0)
    return Cost({stage: len(cells) for stage, cells in built.items()}, seconds, longest)
