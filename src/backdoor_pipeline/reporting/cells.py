"""The table of results made ready: one row per experiment and seed, scores in percent."""

import pandas as pd
from pandas.api.types import is_numeric_dtype

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.reporting.columns import (
    DEFENSE,
    GOAL,
    IDENTITY,
    RECIPE,
    UNTOLD,
    decided_by_attacker,
    one_spelling,
    parameter_columns,
)

SCORES = {"c_acc": "clean_accuracy", "asr": "asr", "r_acc": "robust_accuracy"}  # after the defense
RATES = ("der", "rir")
METRICS = (*SCORES, *RATES)
DETECTION = (
    "detection_tpr", "detection_fpr", "detection_precision", "detection_auc", "detection_auc_best_orientation"
)  # fmt: skip
SPECIFICITY = ("cross_accuracy", "rival_asr")  # of what must not fire; see `train_victim`
OF_CONTROL = {"c_acc_control": "clean_accuracy_control", "asr_control": "asr_control"}  # a clean model's
SECONDS = ("prepare_seconds", "poison_seconds", "train_seconds", "defend_seconds")
VICTIM = "artifact.train"


def to_cells(results: pd.DataFrame) -> pd.DataFrame:
    """One row per experiment, with what made it and what it scored.

    A victim whose defenses were all run without `none` among them gets a row of that: its scores before any
    defense were measured too. What means nothing for an experiment (the poisoning ratio of a clean model), or
    is not known (that of somebody else's data), is left empty; of two experiments that then are the same the
    newer one counts.

    Args:
        results: the table of results, older rows first; fractions.

    Returns:
        `IDENTITY`, `seed`, the columns of parameters, `METRICS`, `DETECTION` (both AUCs too) and
        `SPECIFICITY` in percent, `SECONDS`, and the artifacts' names. `OF_CONTROL`, too, if any is known.
    """
    rows = pd.concat([results, _undefended(results)]).sort_index(kind="stable").reset_index(drop=True)
    settings = [*IDENTITY, "seed", *parameter_columns(rows.columns)]
    numbers = {
        **{name: f"{stored}_after" for name, stored in SCORES.items()},
        **{name: name for name in (*RATES, *DETECTION, *SPECIFICITY)},
        **{name: stored for name, stored in OF_CONTROL.items() if stored in rows},
    }
    cells = rows[settings].copy(deep=False)  # the list of names has copied it
    _spell_alike(cells)
    _leave_empty(cells)
    for name, stored in numbers.items():
        cells[name] = 100 * _number(rows, stored)
    for name in SECONDS:
        cells[name] = _number(rows, name)
    cells = cells.join(rows[[name for name in map(str, rows) if name.startswith("artifact.")]])
    return cells.drop_duplicates(settings, keep="last").reset_index(drop=True)


def _undefended(results: pd.DataFrame) -> pd.DataFrame:
    known = results.loc[results["defense"] == NONE, VICTIM]
    victims = results[~results[VICTIM].isin(known)].drop_duplicates(VICTIM, keep="last").copy()
    for stored in SCORES.values():
        if f"{stored}_before" in victims:
            victims[f"{stored}_after"] = victims[f"{stored}_before"]
    triggered = _number(victims, "asr_after").notna()
    for rate in RATES:
        victims[rate] = triggered.map({True: 0.5, False: None}).astype(float)  # nothing gained, nothing lost
    victims["defense"] = NONE
    others = [name for name in map(str, victims) if name.startswith((DEFENSE, "detection_", "oracle_"))]
    return victims.drop(columns=[*others, "defend_seconds"], errors="ignore")


def _spell_alike(cells: pd.DataFrame) -> None:
    """Have one path for each place: artefacts are named by what lies there, not by how it was typed."""
    for name in [name for name in map(str, cells) if not is_numeric_dtype(cells[name])]:
        told = {value: one_spelling(name, value) for value in cells[name].dropna().unique()}
        if changed := {value: short for value, short in told.items() if short != value}:
            cells[name] = cells[name].replace(changed)


def _leave_empty(cells: pd.DataFrame) -> None:
    """Empty what means nothing for an experiment, and what an attack's own parameters say already."""
    for name in (*GOAL, "poison_ratio"):
        if name in cells:
            cells[name] = cells[name].where(~cells["attack"].isin(UNTOLD))
    if "clean_ratio" in cells:
        cells["clean_ratio"] = cells["clean_ratio"].where(cells["defense"] != NONE)
    for name in [name for name in map(str, cells) if name.startswith(RECIPE)]:
        cells[name] = cells[name].where(~decided_by_attacker(name, cells))


def _number(rows: pd.DataFrame, name: str) -> "pd.Series[float]":
    if name not in rows:
        return pd.Series(float("nan"), index=rows.index)
    return pd.to_numeric(rows[name]).astype(float)
