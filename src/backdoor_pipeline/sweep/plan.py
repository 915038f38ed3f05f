"""What a grid comes to: its cells, the stages they share, what is there already and what cannot be."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.memo import Memo
from backdoor_pipeline.base.nesting import Flat, Nested, flatten, nest, overlaid
from backdoor_pipeline.config import RATIO
from backdoor_pipeline.data.manifest import Manifest, survey
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.failures import Failure
from backdoor_pipeline.experiment.feasible import see_that_it_can_be
from backdoor_pipeline.experiment.parameter_names import check_names_of
from backdoor_pipeline.experiment.resolve import build_experiment
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.pipeline_registry import OF_CONTROL, STAGES
from backdoor_pipeline.sweep.grid import Kind
from backdoor_pipeline.sweep.layout import FIGURES, FORMATS, Layout, Snapshot

CHAIN = tuple(STAGES)
SHARED: tuple[Kind, ...] = ("prepare", "poison", "train")  # serve many cells: built by tasks of their own
CONTROL, SCORED = OF_CONTROL  # so does the former; a cell without an attack may train the very model


@dataclass(frozen=True, slots=True)
class Cell:
    """One experiment of the grid."""

    params: Nested
    experiment: Experiment
    names: dict[str, str]

    def own(self, final: str) -> tuple[str, ...]:
        """The stages, up to the final one, that no other task builds for it."""
        here = CHAIN[len(SHARED) : CHAIN.index(final) + 1]
        return tuple(stage for stage in here if stage in self.names and stage != CONTROL)


@dataclass(frozen=True, slots=True)
class Task:
    """One Kedro run: a shared stage's, or the rest of a cell."""

    kind: Kind
    pipeline: str
    cell: Cell  # of those that share the stage, the first
    needs: tuple[str, ...]  # the ids of tasks that must be done before

    @property
    def artifact(self) -> str:
        """What it builds."""
        return self.cell.names[self.pipeline]

    @property
    def id(self) -> str:
        """Its name, also of its log and of the record of its failure."""
        return task_id(self.pipeline, self.cell.names)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that it may build."""
        return (self.pipeline,) if self.kind in SHARED else self.cell.own(self.pipeline)


def task_id(pipeline: str, names: Mapping[str, str]) -> str:
    """The id of the task that runs a pipeline up to these artefacts."""
    return f"{pipeline}/{names[pipeline]}"


@dataclass(slots=True)
class Plan:
    """What there is to do.

    Attributes:
        cells: the feasible ones, each once.
        duplicates: how many cells of the grid were the same experiment as another.
        infeasible: the parameters of cells that cannot be, and why.
        tasks: by id, in an order in which each comes after what it needs.
        reused: for each stage, how many of its artefacts are there.
        failed: the tasks that failed in an earlier sweep and are not to be tried again, by id.
        blocked: for each unfinished cell's task that needs a failed one, the id of that.
        finished: how many cells are evaluated (and analyzed, if asked for).
        absent: how to get data sets that are not here, with the number of cells that need them.
    """

    cells: list[Cell] = field(default_factory=list)
    duplicates: int = 0
    infeasible: list[tuple[Flat, str]] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    reused: dict[str, int] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    finished: int = 0
    absent: Counter[str] = field(default_factory=Counter)

    def to_build(self) -> dict[str, list[Cell]]:
        """For each stage, a cell for every artefact that the tasks are to make."""
        cells: dict[str, dict[str, Cell]] = {}
        for task in self.tasks.values():
            for stage in task.stages:
                cells.setdefault(stage, {}).setdefault(task.cell.names[stage], task.cell)
        return {stage: list(found.values()) for stage, found in cells.items()}


def make_plan(
    params: Mapping[str, Any],
    grid: Iterable[Flat],
    layout: Layout,
    final: str,
    failures: Mapping[str, Failure],
    without_data: bool = False,
    given: Container[str] = (),
) -> Plan:
    """Resolve every cell and find out what is missing.

    Args:
        params: the parameters of the configuration.
        grid: the cells' own parameters.
        layout: where artefacts are.
        final: the last stage of every cell: evaluate or analyze.
        failures: tasks that are not to be tried again, by id.
        without_data: plan cells whose data set is not here, and say so, instead of calling them infeasible.
        given: the parameters that the environment gives, not `conf/base`.
    """
    plan = Plan(failed=dict(failures))
    _resolve_all(plan, Resolver(params, layout, given), grid, final, without_data)
    there = Snapshot(layout)
    pending = [cell for cell in plan.cells if not _finished(cell, final, there)]
    plan.finished = len(plan.cells) - len(pending)
    shared, chains = _shared_tasks(pending, there)
    last: dict[str, Task] = {}
    for cell, needs in zip(pending, chains, strict=True):
        if control := _control_task(cell, shared, there):
            shared.setdefault(control.id, control)
            needs = (*needs, control.id)
        last[task_id(final, cell.names)] = Task("cell", final, cell, needs)
    plan.tasks = {
        id: task
        for stage in (*SHARED, CONTROL, final)
        for id, task in {**shared, **last}.items()
        if task.pipeline == stage
    }
    _count_reused(plan, there, final)
    _leave_out_failed(plan)
    return plan


def _resolve_all(
    plan: Plan, resolver: "Resolver", grid: Iterable[Flat], final: str, without_data: bool
) -> None:
    seen: set[str] = set()
    for flat in grid:
        try:
            cell = resolver.cell(flat)
            if absent := resolver.absent(cell.experiment.dataset):
                if not without_data:
                    raise UserError(absent)
                plan.absent[absent] += 1
            else:
                resolver.check(cell.experiment)
        except UserError as error:
            plan.infeasible.append((flat, str(error)))
            continue
        if cell.names[final] in seen:
            plan.duplicates += 1
        else:
            seen.add(cell.names[final])
            plan.cells.append(cell)


class Resolver:
    """Turns parameters into experiments; what many cells have in common is checked once.

    Args:
        params: the parameters of the configuration.
        layout: where data sets are.
        given: see `make_plan`.
    """

    def __init__(self, params: Mapping[str, Any], layout: Layout, given: Container[str]) -> None:
        self._params = params
        self._layout = layout
        self._given = given
        self._checked: set[str] = set()
        self._memo = Memo()
        self._manifests: dict[str, Manifest | str] = {}  # of data sets, or why one cannot be used

    def cell(self, flat: Flat) -> Cell:
        """The cell with these parameters.

        Raises:
            UserError: there can be no such experiment.
        """
        nested = nest(flat)
        params = overlaid(self._params, nested)
        # names and tables are alike in all cells that change the same tables alike
        shape = repr([(key, value if isinstance(value, dict) else "") for key, value in nested.items()])
        if shape not in self._checked:
            check_names_of(params)
            self._checked.add(shape)
        ratio_given = RATIO in nested or RATIO in self._given
        experiment = build_experiment(params, self._survey, ratio_given=ratio_given, memo=self._memo)
        drawn = experiment.analyzing
        names = artifact_names(experiment) | {
            FIGURES: " ".join(drawn.figures),
            FORMATS: " ".join(drawn.formats),
        }
        return Cell(nested, experiment, names)

    def check(self, experiment: Experiment) -> None:
        """See that an experiment's data set has what it takes.

        Raises:
            UserError: it has not; of a ratio that is too high, the largest feasible one is named.
        """
        manifest = self._manifest(experiment.dataset)
        assert isinstance(manifest, Manifest)
        see_that_it_can_be(experiment, manifest)

    def absent(self, dataset: DatasetSpec) -> str:
        """How to get a data set that is not here; nothing if it is."""
        manifest = self._manifest(dataset)
        return manifest if isinstance(manifest, str) else ""

    def _survey(self, dataset: DatasetSpec) -> Manifest | None:
        manifest = self._manifest(dataset)
        return manifest if isinstance(manifest, Manifest) else None

    def _manifest(self, dataset: DatasetSpec) -> Manifest | str:
        key = dataset.model_dump_json(exclude={"train_images"})
        if key not in self._manifests:
            try:
                self._manifests[key] = survey(dataset, self._layout.raw)
            except UserError as error:
                self._manifests[key] = str(error)
        return self._manifests[key]


def _finished(cell: Cell, final: str, there: Snapshot) -> bool:
    """A cell whose results are there needs no models: they may have been removed to save space."""
    return all(there.exists(stage, cell.names) for stage in cell.own(final) if stage != "defend")


def _shared_tasks(pending: Iterable[Cell], there: Snapshot) -> tuple[dict[str, Task], list[tuple[str, ...]]]:
    """The tasks that build what cells share, by id; and for each cell those that it waits for."""
    shared: dict[str, Task] = {}
    chains: list[tuple[str, ...]] = []
    for cell in pending:
        needs: tuple[str, ...] = ()
        for stage in SHARED:
            if not there.exists(stage, cell.names):
                task = shared.setdefault(task_id(stage, cell.names), Task(stage, stage, cell, needs))
                needs = (task.id,)
        chains.append(needs)
    return shared, chains


def _control_task(cell: Cell, shared: Mapping[str, Task], there: Snapshot) -> Task | None:
    """What trains a cell's clean model, unless that is there or scored; maybe it is another cell's victim."""
    if CONTROL not in cell.names or there.exists(SCORED, cell.names) or there.exists(CONTROL, cell.names):
        return None
    same = shared.get(task_id("train", {"train": cell.names[CONTROL]}))
    return same or Task("train", CONTROL, cell, ())


def _count_reused(plan: Plan, there: Snapshot, final: str) -> None:
    for stage in CHAIN[: CHAIN.index(final) + 1]:
        cells = [cell for cell in plan.cells if stage in cell.names]
        if cells or stage not in OF_CONTROL:
            plan.reused[stage] = len({cell.names[stage] for cell in cells if there.exists(stage, cell.names)})


def _leave_out_failed(plan: Plan) -> None:
    plan.failed = {id: failure for id, failure in plan.failed.items() if id in plan.tasks}
    gone: dict[str, str] = {id: id for id in plan.failed}
    for id, task in plan.tasks.items():
        for need in task.needs:
            if need in gone and id not in gone:
                gone[id] = gone[need]
                plan.blocked[id] = gone[need]
    plan.blocked = {id: cause for id, cause in plan.blocked.items() if plan.tasks[id].kind == "cell"}
    plan.tasks = {id: task for id, task in plan.tasks.items() if id not in gone}


def describe(flat: Flat) -> str:
    """Parameters as a user would type them."""
    return ",".join(f"{name}:{value}" for name, value in flatten(flat).items())
