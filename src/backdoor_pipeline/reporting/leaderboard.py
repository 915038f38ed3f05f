"""One page of all results that sorts and filters, in one file that needs nothing else."""

import html
import json
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.reporting.cells import SCORES
from backdoor_pipeline.reporting.summary import CONTROL, defense_name, label
from backdoor_pipeline.reporting.tables import ordered
from backdoor_pipeline.reporting.variants import SETTING

TEMPLATE = Path(__file__).with_name("leaderboard.html")

# key, heading, kind, what it says
NAMES = (
    ("dataset", "Data set", "name", "Data set"),
    ("model", "Model", "name", "Architecture of the attacked model"),
    ("attack", "Attack", "name", "Backdoor attack; 'no attack' is the clean control"),
    ("ratio", "Ratio", "ratio", "Poisoned share of the training set"),
    ("defense", "Defense", "name", "Backdoor defense"),
    ("other", "Settings", "text", "Parameters in which results of one method differ"),
    ("n", "n", "count", "Seeds that mean and standard deviation are over"),
)
SCORE_COLUMNS = (
    ("c_acc", "C-Acc", "score", "Clean accuracy after the defense, in percent: higher is better"),
    ("asr", "ASR", "score", "Attack success rate after the defense, in percent: lower is better"),
    ("r_acc", "R-Acc", "score", "Robust accuracy: triggered images given their true label, in percent"),
    ("der", "DER", "score", "Defense effectiveness rate, in percent: 50 means that nothing was won or lost"),
    ("rir", "RIR", "score", "Robust improvement rate, in percent: 50 means that nothing was won or lost"),
)  # fmt: skip
SECOND_COLUMNS = (
    ("train_seconds", "Training (s)", "seconds", "Wall time of the victim's training, in seconds"),
    ("defend_seconds", "Defense (s)", "seconds", "Wall time of the defense, in seconds"),
)
TITLES = {"c_acc": "C-Acc", "asr": "ASR", "r_acc": "R-Acc"}


def leaderboard(summary: pd.DataFrame, compared: pd.DataFrame, failures: pd.DataFrame) -> str:
    """The page.

    Args:
        summary: see `summarize`.
        compared: the settings that were published too, see `compare`; the page shows them in columns of
            their own.
        failures: tasks of sweeps without a result, see `failures_table`.
    """
    columns = [*NAMES, *SCORE_COLUMNS, *SECOND_COLUMNS]
    settings = ordered(summary)
    rows = [_row(cell) for cell in settings.to_dict("records")]
    if len(compared):
        columns += [column for name in SCORES for column in _published_columns(name)]
        rows = [row + extra for row, extra in zip(rows, _published(settings, compared), strict=True)]
    shown = {"columns": [dict(zip(("key", "title", "kind", "help"), one, strict=True)) for one in columns]}
    data = json.dumps({**shown, "rows": rows}, allow_nan=False, separators=(",", ":"))
    page = TEMPLATE.read_text(encoding="utf-8")
    return page.replace("@FAILURES@", _failures(failures)).replace("@DATA@", data.replace("<", "\\u003c"))


def _row(cell: dict[Any, Any]) -> list[Any]:
    attack = CONTROL if cell["attack"] == NONE else cell["attack"]
    defense = defense_name(cell["defense"])
    variants = [
        label(name, cell[variant]) if cell[variant] else ""
        for name, variant in ((attack, "attack_variant"), (defense, "defense_variant"))
    ]
    other = ", ".join(filter(None, [*variants, cell["protocol"]]))
    names = [
        cell["dataset"],
        cell["model"],
        attack,
        _number(cell["poison_ratio"], 6),
        defense,
        other,
        cell["n"],
    ]
    scores = [[_number(cell[f"{name}_mean"]), _number(cell[f"{name}_std"])] for name, *_ in SCORE_COLUMNS]
    return [*names, *scores, *(_number(cell[name]) for name, *_ in SECOND_COLUMNS)]


def _published_columns(name: str) -> list[tuple[str, str, str, str]]:
    title = TITLES[name]
    return [
        (f"{name}_published", f"{title} published", "published", "As published by others, in percent"),
        (f"{name}_difference", f"{title} Δ", "difference", "Measured minus published, in percentage points"),
    ]


def _published(summary: pd.DataFrame, compared: pd.DataFrame) -> list[list[float | None]]:
    """Of every setting the published scores and the differences; empty where none was published."""
    wanted = [f"{name}_{what}" for name in SCORES for what in ("published", "difference")]
    found = summary[SETTING].merge(compared[[*SETTING, *wanted]], on=SETTING, how="left")
    return [[_number(value) for value in row] for row in found[wanted].to_numpy()]


def _number(value: float, digits: int = 2) -> float | None:
    return None if pd.isna(value) else round(float(value), digits)


def _failures(failures: pd.DataFrame) -> str:
    if failures.empty:
        return ""
    plural = "" if len(failures) == 1 else "s"
    rows = "".join(
        f"<tr><td>{html.escape(str(one['sweep']))}</td><td>{html.escape(str(one['task']))}</td>"
        f"<td>{html.escape(str(one['error']))}</td></tr>"
        for one in failures.to_dict("records")
    )
    return (
        f'<details class="failures"><summary>{len(failures)} failed task{plural} of sweeps</summary>'
        '<div class="scroll"><table><thead><tr><th scope="col">Sweep</th><th scope="col">Task</th>'
        f'<th scope="col">Error</th></tr></thead><tbody>{rows}</tbody></table></div></details>'
    )
