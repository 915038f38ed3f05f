"""`results.parquet`: one row per evaluated experiment, of all sweeps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from backdoor_pipeline.base.arrowfile import save_table
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError, set_aside_if_there
from backdoor_pipeline.base.jsonfile import load_json
from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.base.locks import locked
from backdoor_pipeline.base.reading import patiently
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.experiment.records import ID, read_table, recorded, renewed, result_row, with_known
from backdoor_pipeline.experiment.result import Result, Row, StageMetrics, checked
from backdoor_pipeline.sweep.layout import Layout
from backdoor_pipeline.sweep.plan import CHAIN, Cell

AGAIN = "delete it and run its experiment, or its sweep, again"


def write_results(layout: Layout, cells: Iterable[Cell], left_out: LeftOut | None = None) -> int:
    """Put the rows of these cells, as far as they are evaluated, into the table; other rows stay.

    Those whose experiments have newer records are renewed; what was known of stages that are gone, or not
    asked for, stays. A table with anything that cannot be used is set aside, and what it lacks comes from
    the records too; one that cannot be read now is left as it is.

    Args:
        layout: where everything is.
        cells: of the sweep.
        left_out: told of files that cannot be used.

    Returns:
        How many of these cells are in the table now.
    """
    left_out = left_out or LeftOut()
    reader = MetricsReader(layout, left_out, mend=True)
    fresh = [row for row in map(reader.row, cells) if row]
    with locked(layout.results):
        rows, whole = read_table(layout.results, left_out)
        if not whole and not _reachable(layout.results):
            return 0
        rows = renewed(rows, layout.results, left_out, others=not whole)
        if not whole:
            set_aside_if_there(layout.results, "not all of it can be used")
        known = {row[ID]: row for row in rows}
        for row in fresh:
            earlier = known.get(row[ID]) or recorded(row, layout.results, left_out)
            known[row[ID]] = with_known(row, earlier)
        rows = [*known.values()]
        if rows:
            save_table(layout.results, _table(rows), compression="zstd")
    return len(fresh)


class MetricsReader:
    """Reads metrics files, each once.

    Args:
        layout: where they are.
        left_out: told of those that cannot be used.
        mend: set damaged ones aside, so that the next sweep makes them anew.
    """

    def __init__(self, layout: Layout, left_out: LeftOut | None = None, *, mend: bool = False) -> None:
        self._layout, self._left_out, self._mend = layout, left_out or LeftOut(), mend
        self._read: dict[Path, Row] = {}

    def row(self, cell: Cell) -> Row | None:
        """A cell's row: parameters, metrics, seconds of every stage, ids.

        None before it is evaluated, or if its scores cannot be used.
        """
        metrics = {
            stage: self.metrics(stage, cell)
            for stage in CHAIN
            if stage in cell.names and self._layout.metrics(stage, cell.names)
        }
        file = self._layout.metrics("evaluate", cell.names)
        if file is None or not file.exists():
            return None
        row = result_row(cell.experiment, cell.names, metrics)
        return self._left_out.read(file, lambda _: checked(Result, row), AGAIN)

    def metrics(self, stage: str, cell: Cell) -> Row:
        """The metrics of a stage; empty if there are none, or their file cannot be used."""
        path = self._layout.metrics(stage, cell.names)
        if path is None:
            return {}
        if path not in self._read:
            self._read[path] = self._left_out.read(path, self._checked, AGAIN) or {}
        return self._read[path]

    def _checked(self, file: Path) -> Row:
        try:
            return checked(StageMetrics, load_json(file, Seal.at(file)))
        except FileNotFoundError:
            return {}
        except CorruptFileError as error:
            if not self._mend:
                raise
            set_aside_if_there(file, str(error))
            return {}


def _reachable(file: Path) -> bool:
    """Whether the system lets a file be read, whatever is in it."""
    try:
        patiently(Path.read_bytes, file)
    except CorruptFileError:  # a folder
        return True
    except UserError:
        return False
    return True


def _table(rows: list[Row]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except pa.ArrowException:  # values of several types, such as a number here and a word there
        return pa.array([None if value is None else str(value) for value in values])
