"""What every evaluated experiment was and scored, as one row; and all rows there are.

Each experiment has a file of its own beside its metrics, whoever ran it. Sweeps put many into one table.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from math import nan
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.reading import patiently
from backdoor_pipeline.base.seals import ANYONES, KEY, Seal
from backdoor_pipeline.data.manifest import OF_IMAGES
from backdoor_pipeline.experiment.result import Result, Row, checked
from backdoor_pipeline.experiment.specs import Experiment

logger = logging.getLogger(__name__)

RECORD, METRICS = "result.json", "metrics.json"
ID = "artifact.evaluate"  # what tells rows apart
OF_CONTROL = tuple(f"{name}_control" for name in ("clean_accuracy", "asr", "robust_accuracy"))
SECONDS_OF_CONTROL = ("train_control_seconds", "evaluate_control_seconds")
OF_TRAINING = ("cross_accuracy", "rival_asr")  # how far the backdoor opens to its own trigger only
AGAIN = "delete it and run its experiment again, which computes nothing anew"
REMAKE = "run any sweep again, which sets the table aside and makes it anew from the experiments' own records"
ROWS = 500  # of the table, that are turned into Python's objects at once
IDS = ("prepare", "poison", "train", "defend", "evaluate")
OF_STAGES = (*OF_CONTROL, *SECONDS_OF_CONTROL, *OF_TRAINING, *(f"{stage}_seconds" for stage in IDS))


def parameters(experiment: Experiment) -> Row:
    """All parameters of an experiment as columns: choices by their own names, the rest dotted."""
    # `preparing` and `control` repeat others; what was watched, which figures are drawn, and where the data
    # lie, change no result
    left_out = dict.fromkeys(("preparing", "watching", "control"), True)
    places = {"dataset": {"options": set(OF_IMAGES)}}
    flat = flatten(experiment.model_dump(mode="json", exclude={**left_out, **places}))
    del flat["analyzing.figures"], flat["analyzing.formats"], flat["analyzing.titles"]
    del flat["choices.control"]  # its scores tell
    row = {
        name.removeprefix("choices."): json.dumps(value) if isinstance(value, list) else value
        for name, value in flat.items()
    }
    return {**row, "epochs": experiment.training.recipe.epochs}


def result_row(experiment: Experiment, names: Mapping[str, str], metrics: Mapping[str, Row]) -> Row:
    """An experiment's row: parameters, scores, seconds of every stage, ids.

    Args:
        experiment: the experiment.
        names: of its artefacts, by stage.
        metrics: of its stages; `evaluate` among them.
    """
    scores = {name: value for name, value in metrics["evaluate"].items() if name != "seconds"}
    scores |= {name: metrics["train"][name] for name in OF_TRAINING if name in metrics.get("train", {})}
    control = metrics.get("evaluate_control", {})
    scores |= {name: control[name] for name in OF_CONTROL if name in control}
    seconds = {f"{stage}_seconds": one.get("seconds") for stage, one in metrics.items()}
    ids = {f"artifact.{stage}": names[stage] for stage in IDS}
    return {**parameters(experiment), **scores, **seconds, **ids}


def with_known(row: Row, known: Row | None) -> Row:
    """A row with what was known of stages that tell nothing now.

    A control need not be asked for any more, and models of an evaluated experiment may have been deleted.
    All that is known is of the very experiment, by its name.

    Args:
        row: new.
        known: of the same experiment, recorded before; None: it is not.
    """
    kept = [name for name in OF_STAGES if name in (known or {}) and row.get(name) is None]
    return {**row, **{name: (known or {})[name] for name in kept}}


def write_record(folder: Path, row: Row) -> None:
    """Put a row beside the metrics of its experiment.

    Raises:
        UserError: it cannot be written.
    """
    save_json(folder / RECORD, row, Seal.at(folder / RECORD))


def read_record(file: Path) -> Row:
    """A row as it was written there.

    Raises:
        FileNotFoundError: there is none.
        CorruptFileError: it is damaged, or of another experiment.
        UserError: it cannot be read.
    """
    return load_json(file, Seal.at(file))


def read_results(table: Path, left_out: LeftOut | None = None) -> pd.DataFrame:
    """The rows of the sweeps' table, and those of experiments that are not in it or newer; the newest last.

    Args:
        table: `results.parquet`, in the folder that holds the experiments' own; it need not be there.
        left_out: told of files and rows that cannot be used.
    """
    left_out = left_out or LeftOut()
    rows, _ = read_table(table, left_out)
    known = {row[ID] for row in rows}
    _warn_of_others(table.parent, known | {_id(file) for file in _records(table.parent)})
    return _frame(renewed(rows, table, left_out, others=True))


def _frame(rows: list[Row]) -> pd.DataFrame:
    """The rows as columns, each made by itself: pandas would lay out all cells twice on the way."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: pd.Series([row.get(name, nan) for row in rows]) for name in names})


def read_table(table: Path, left_out: LeftOut) -> tuple[list[Row], bool]:
    """The usable rows of the sweeps' table, empty cells left out, and whether they are all that is in it.

    Args:
        table: it need not be there.
        left_out: told of it, or of its rows, if they cannot be used.
    """
    found = left_out.read(table, _table_rows, REMAKE) if table.exists() else []
    rows: list[Row] = []
    wrong: list[ValueError] = []
    for row in found or []:
        try:
            rows.append(checked(Result, row))
        except ValueError as error:
            wrong.append(error)
    if wrong:
        left_out.name(table, wrong[0], REMAKE, rows=len(wrong))
    return rows, found is not None and not wrong


def _table_rows(table: Path) -> list[Row]:
    """All rows, empty cells left out; verified by the seal that sweeps put there, if nobody took it away."""
    content = patiently(_read_parquet, table)
    if KEY.encode() in (content.schema.metadata or {}):
        ANYONES.check(table)
    batches = content.to_batches(max_chunksize=ROWS)  # a row as Arrow gives it has all columns, mostly empty
    return without_empty(row for batch in batches for row in batch.to_pylist())


def _read_parquet(file: Path) -> pa.Table:
    with file.open("rb") as content:  # of a folder Arrow would make a table
        return pq.read_table(content)


def without_empty(rows: Iterable[Row]) -> list[Row]:
    """The rows without what is not known, with one copy of every text that they have in common."""
    texts: dict[str, str] = {}
    return [
        _sharing({name: value for name, value in row.items() if value is not None}, texts) for row in rows
    ]


def _sharing(row: Row, texts: dict[str, str]) -> Row:
    """The row with texts that are known already in the place of its own: of memory rows are mostly texts."""
    return {
        texts.setdefault(name, name): texts.setdefault(value, value) if isinstance(value, str) else value
        for name, value in row.items()
    }


def renewed(rows: list[Row], table: Path, left_out: LeftOut, *, others: bool) -> list[Row]:
    """The rows of the table with those of newer records in their place, at the end; see `with_known`.

    Args:
        rows: of the table.
        table: its file.
        left_out: told of records that cannot be used.
        others: those of experiments that are not in the table too.
    """
    written, known = _time(table), {row[ID]: row for row in rows}
    newer = [
        file for file in _records(table.parent) if (_time(file) > written if _id(file) in known else others)
    ]
    fresh = {row[ID]: with_known(row, known.get(row[ID])) for row in _read(newer, left_out)}
    return [*(row for row in rows if row[ID] not in fresh), *fresh.values()]


def recorded(row: Row, table: Path, left_out: LeftOut) -> Row | None:
    """What the record of a row's experiment says, beside the table; None if there is none to be used."""
    file = table.parent / row[ID] / RECORD
    return next(_read([file], left_out), None) if file.exists() else None


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/*/{RECORD}"), key=lambda file: (_time(file), file))


def _read(files: Iterable[Path], left_out: LeftOut) -> Iterator[Row]:
    texts: dict[str, str] = {}
    for file in files:
        row = left_out.read(file, lambda one: checked(Result, read_record(one)), AGAIN)
        if row is not None:
            yield _sharing(row, texts)


def _time(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:  # removed just now, or a link that leads nowhere
        return 0


def _warn_of_others(folder: Path, known: set[str]) -> None:
    others = [file for file in folder.glob(f"*/*/{METRICS}") if _id(file) not in known]
    if others:
        logger.warning(
            "%d evaluated experiments, such as %s, are not in the report: run them again, which computes "
            "nothing anew, to have them recorded.",
            len(others),
            _id(others[0]),
        )


def _id(file: Path) -> str:
    return f"{file.parent.parent.name}/{file.parent.name}"
