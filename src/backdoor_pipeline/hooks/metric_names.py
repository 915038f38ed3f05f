"""What metrics are called in MLflow: scores by one short name each, stages' own by theirs, seconds apart."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from backdoor_pipeline.analysis.watching import PREFIX as WATCHED

Metric = tuple[str, float, int]  # name, value, step
Score = tuple[str, Any]  # name, value

SCORES = {"clean_accuracy": "c_acc", "asr": "asr", "robust_accuracy": "r_acc"}
BEFORE = {name: f"{short}_before" for name, short in SCORES.items()}
TOP = {
    "prepare": BEFORE,  # of attacks that train the victim's model with their own networks
    "train": BEFORE,
    "evaluate": {f"{name}_after": short for name, short in SCORES.items()}
    | {"der": "der"}
    | {f"{name}_before": short for name, short in BEFORE.items()},
    "evaluate_control": {f"{name}_control": f"{short}_control" for name, short in SCORES.items()},
}
SHOWN = (*SCORES.values(), "der", *BEFORE.values(), TOP["evaluate_control"]["asr_control"])
SECONDS = "seconds"


def stage_metrics(stage: str, found: Mapping[str, Any]) -> Iterator[Score]:
    """A stage's metrics by the names under which runs are compared, scores first.

    >>> list(stage_metrics("evaluate", {"rir": 0.9, "seconds": 2.0, "asr_after": 0.01}))
    [('asr', 0.01), ('evaluate/rir', 0.9), ('seconds/evaluate', 2.0)]
    """
    top = TOP.get(stage, {})
    yield from ((short, found[name]) for name, short in top.items() if name in found)
    for name, value in found.items():
        if name not in top:
            yield (_of_seconds(stage, name) if name.startswith(SECONDS) else f"{stage}/{name}"), value


def epoch_metrics(stage: str, row: Mapping[str, float], epoch: int) -> Iterator[Metric]:
    """A point for every column of a history's row but `epoch` itself and what is noted by the way."""
    kept = {name: value for name, value in row.items() if name != "epoch" and not name.startswith(WATCHED)}
    seconds = kept.pop(SECONDS, None)
    for name, value in stage_metrics(stage, kept):
        yield name.replace(f"{stage}/", f"{stage}_epochs/"), value, epoch
    if seconds is not None:
        yield f"{SECONDS}/{stage}_epochs", seconds, epoch


def curves(stage: str, history: pd.DataFrame) -> list[Metric]:
    """The points of all epochs."""
    rows = [{str(name): value for name, value in row.items()} for row in history.to_dict("records")]
    return [point for row in rows for point in epoch_metrics(stage, row, int(row["epoch"]))]


def is_score(name: str) -> bool:
    """Whether a metric is one of those by which runs are told to be good or bad."""
    return "/" not in name


def _of_seconds(stage: str, name: str) -> str:
    return f"{SECONDS}/{stage}{name.removeprefix(SECONDS)}"
