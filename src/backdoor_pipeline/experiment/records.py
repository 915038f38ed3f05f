"""What every evaluated experiment was and scored, as one row; and all rows there are.

Each experiment has a file of its own beside its metrics, whoever ran it. Sweeps put many into one table.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.experiment.specs import Experiment

logger = logging.getLogger(__name__)

Row = dict[str, Any]
RECORD, METRICS = "result.json", "metrics.json"
ID = "artifact.evaluate"  # what tells rows apart
OF_TRAINING = ("cross_accuracy", "rival_asr")  # how far the backdoor opens to its own trigger only
IDS = ("prepare", "poison", "train", "defend", "evaluate")


def parameters(experiment: Experiment) -> Row:
    """All parameters of an experiment as columns: choices by their own names, the rest dotted."""
    # `preparing` repeats others, and what was watched changes no result
    flat = flatten(experiment.model_dump(mode="json", exclude={"preparing", "watching"}))
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
    seconds = {f"{stage}_seconds": one.get("seconds") for stage, one in metrics.items()}
    ids = {f"artifact.{stage}": names[stage] for stage in IDS}
    return {**parameters(experiment), **scores, **seconds, **ids}


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


def read_results(table: Path) -> pd.DataFrame:
    """The rows of the sweeps' table, and those of experiments that are not in it or newer; the newest last.

    Args:
        table: `results.parquet`, in the folder that holds the experiments' own; it need not be there.
    """
    rows = pd.read_parquet(table) if table.exists() else pd.DataFrame({ID: []})
    written = table.stat().st_mtime_ns if table.exists() else 0
    known = set(rows[ID])
    files = [
        (time, file)
        for file in table.parent.glob(f"*/*/{RECORD}")
        if (time := file.stat().st_mtime_ns) > written or _id(file) not in known
    ]
    fresh = pd.DataFrame(_read(file for _, file in sorted(files)))
    _warn_of_others(table.parent, known | {_id(file) for _, file in files})
    if fresh.empty:
        return rows
    return pd.concat([rows[~rows[ID].isin(fresh[ID])], fresh], ignore_index=True)


def _read(files: Iterator[Path]) -> Iterator[Row]:
    for file in files:
        try:
            yield read_record(file)
        except (FileNotFoundError, CorruptFileError, UserError) as error:
            logger.warning("%s cannot be read (%s): run its experiment again.", file, error)


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
