"""`results.parquet`: one row per evaluated experiment, of all sweeps."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backdoor_pipeline.experiment import Experiment
from backdoor_pipeline.files import replacing
from backdoor_pipeline.sweep.grid import flatten
from backdoor_pipeline.sweep.layout import Layout
from backdoor_pipeline.sweep.locks import locked
from backdoor_pipeline.sweep.plan import CHAIN, Cell

Row = dict[str, Any]
ID = "artifact.evaluate"  # what tells rows apart
IDS = ("prepare", "poison", "train", "defend", "evaluate")


def write_results(layout: Layout, cells: Iterable[Cell]) -> int:
    """Put the rows of these cells, as far as they are evaluated, into the table; other rows stay.

    Returns:
        How many of these cells are in the table now.
    """
    reader = MetricsReader(layout)
    fresh = [row for row in map(reader.row, cells) if row]
    with locked(layout.results):
        known = {row[ID]: row for row in read_rows(layout.results)}
        rows = [*({**known, **{row[ID]: row for row in fresh}}).values()]
        if rows:
            with replacing(layout.results) as temporary:
                pq.write_table(_table(rows), temporary, compression="zstd")
    return len(fresh)


def read_rows(path: Path) -> list[Row]:
    """The rows of the table, empty cells left out; none if there is no table yet."""
    if not path.exists():
        return []
    rows: list[Row] = pq.read_table(path).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def parameters(experiment: Experiment) -> Row:
    """All parameters of an experiment as columns: choices by their own names, the rest dotted."""
    flat = flatten(experiment.model_dump(mode="json", exclude={"preparing"}))  # which repeats others
    row = {
        name.removeprefix("choices."): json.dumps(value) if isinstance(value, list) else value
        for name, value in flat.items()
    }
    return {**row, "epochs": experiment.training.recipe.epochs}


class MetricsReader:
    """Reads metrics files, each once.

    Args:
        layout: where they are.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._read: dict[Path, Row] = {}

    def row(self, cell: Cell) -> Row | None:
        """A cell's row: parameters, metrics, seconds of every stage, ids; None before it is evaluated."""
        scores = self.metrics("evaluate", cell)
        if not scores:
            return None
        seconds = {
            f"{stage}_seconds": self.metrics(stage, cell).get("seconds")
            for stage in CHAIN
            if self._layout.metrics(stage, cell.names)
        }
        ids = {f"artifact.{stage}": cell.names[stage] for stage in IDS}
        scores = {name: value for name, value in scores.items() if name != "seconds"}
        return {**parameters(cell.experiment), **scores, **seconds, **ids}

    def metrics(self, stage: str, cell: Cell) -> Row:
        """The metrics of a stage; empty if there are none, or their file is damaged."""
        path = self._layout.metrics(stage, cell.names)
        if path is None:
            return {}
        if path not in self._read:
            try:
                self._read[path] = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                self._read[path] = {}
        return self._read[path]


def _table(rows: list[Row]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except pa.ArrowException:  # values of several types, such as a number here and a word there
        return pa.array([None if value is None else str(value) for value in values])
