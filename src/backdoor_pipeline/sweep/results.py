"""`results.parquet`: one row per evaluated experiment, of all sweeps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backdoor_pipeline.base.files import CorruptFileError, replacing, set_aside
from backdoor_pipeline.base.jsonfile import load_json
from backdoor_pipeline.base.locks import locked
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.experiment.records import ID, Row, result_row
from backdoor_pipeline.sweep.layout import Layout
from backdoor_pipeline.sweep.plan import CHAIN, Cell


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
        if not self.metrics("evaluate", cell):
            return None
        metrics = {
            stage: self.metrics(stage, cell) for stage in CHAIN if self._layout.metrics(stage, cell.names)
        }
        return result_row(cell.experiment, cell.names, metrics)

    def metrics(self, stage: str, cell: Cell) -> Row:
        """The metrics of a stage; empty if there are none, or their file is damaged."""
        path = self._layout.metrics(stage, cell.names)
        if path is None:
            return {}
        if path not in self._read:
            self._read[path] = _verified(path)
        return self._read[path]


def _verified(path: Path) -> Row:
    """The metrics in a file; none if it is missing, or damaged: then it is set aside, to be rebuilt."""
    try:
        return load_json(path, Seal.at(path))
    except FileNotFoundError:
        return {}
    except CorruptFileError as error:
        set_aside(path, str(error))
        return {}


def _table(rows: list[Row]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except pa.ArrowException:  # values of several types, such as a number here and a word there
        return pa.array([None if value is None else str(value) for value in values])
