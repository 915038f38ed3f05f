"""What stages cost so far, and so what a plan will cost."""

from collections import defaultdict
from functools import cache
from statistics import mean

from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.experiment.records import parameters, read_table
from backdoor_pipeline.experiment.result import Row
from backdoor_pipeline.sweep.layout import Layout
from backdoor_pipeline.sweep.plan import Cell, Plan
from backdoor_pipeline.sweep.results import MetricsReader

Key = tuple[str, ...]
SAMPLES = 5  # artefacts whose seconds are averaged, of each sort

# Artefacts of a stage are of one sort if they agree in these columns: seeds and ratios hardly matter.
ALIKE: dict[str, tuple[str, ...]] = {
    "prepare": ("dataset", "model", "attack", "poisoning.attack.params.", "training.recipe."),
    "poison": ("dataset", "attack", "poisoning.attack.params."),
    "train": ("dataset", "model", "training.recipe.", "training.options."),
    "defend": ("dataset", "model", "defense", "defending.defense.params."),
    "evaluate": ("dataset", "model"),
}
LIKE = {"train_control": "train", "evaluate_control": "evaluate"}  # of about the same cost


class Timings:
    """Mean seconds of artefacts, by stage and sort.

    Args:
        layout: where results and metrics are.
        left_out: told of those that cannot be used.
    """

    def __init__(self, layout: Layout, left_out: LeftOut | None = None) -> None:
        self._layout, self._left_out = layout, left_out or LeftOut()
        self._seconds: dict[Key, list[float]] = defaultdict(list)
        self._sorts: dict[str, dict[str, Key]] = {}  # of cells, by the last artefact's name
        rows, _ = read_table(layout.results, self._left_out)
        for row in rows:
            for stage, sort in _sorts(row).items():
                self._add(sort, row.get(f"{stage}_seconds"))

    def learn(self, cells: list[Cell]) -> None:
        """Add what these cells have already spent."""
        reader = MetricsReader(self._layout, self._left_out)
        for cell in cells:
            for stage, sort in self._sorts_of(cell).items():
                if len(self._seconds.get(sort, ())) < SAMPLES:
                    self._add(sort, reader.metrics(stage, cell).get("seconds"))

    def stage(self, stage: str, cell: Cell) -> float | None:
        """Seconds that a stage of this cell will take; None if nothing like it was ever timed."""
        stage = LIKE.get(stage, stage)
        if stage not in ALIKE:
            return 0.0
        if not self._seconds:
            return None
        known = self._seconds.get(self._sorts_of(cell)[stage])
        return mean(known) if known else None

    def estimate(self, plan: Plan) -> tuple[float, int]:
        """Seconds of all that is to be built, one by one; and of how many artefacts nothing is known."""
        found = [self.stage(stage, cell) for stage, cells in plan.to_build().items() for cell in cells]
        return sum(one for one in found if one is not None), sum(one is None for one in found)

    def _sorts_of(self, cell: Cell) -> dict[str, Key]:
        name = cell.names["evaluate"]
        if name not in self._sorts:
            self._sorts[name] = _sorts(parameters(cell.experiment))
        return self._sorts[name]

    def _add(self, sort: Key, seconds: float | None) -> None:
        if seconds is not None and len(self._seconds[sort]) < SAMPLES:
            self._seconds[sort].append(seconds)


def _sorts(row: Row) -> dict[str, Key]:
    """For each stage what its cost depends on. A column that ends in a dot stands for all that begin so."""
    found: dict[str, list[str]] = {stage: [] for stage in ALIKE}
    for name, value in row.items():
        if value is not None and (stages := _stages_that_heed(name)):
            told = f"{name}={value}"
            for stage in stages:
                found[stage].append(told)
    return {stage: (stage, *sorted(told)) for stage, told in found.items()}


@cache
def _stages_that_heed(column: str) -> tuple[str, ...]:
    return tuple(
        stage
        for stage, columns in ALIKE.items()
        if any(column == one or (one[-1] == "." and column.startswith(one)) for one in columns)
    )
