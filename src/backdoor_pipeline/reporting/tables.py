"""The tables of a report: every setting, attack x defense, sweeps, published results, failures."""

import html
from typing import Any

import pandas as pd

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.reporting.cells import SCORES
from backdoor_pipeline.reporting.summary import (
    CONTROL,
    Slice,
    defense_name,
    in_order,
    percent_ratio,
    slices,
    with_labels,
)
from backdoor_pipeline.reporting.table import (
    Table,
    html_page,
    latex_row,
    latex_text,
    plain_table,
    score,
)
from backdoor_pipeline.reporting.variants import SETTING

HEADS = {"c_acc": "C-Acc", "asr": "ASR", "r_acc": "R-Acc", "der": "DER", "rir": "RIR"}
CONTROL_HEADS = {"c_acc_control": "C-Acc of the control", "asr_control": "ASR of the control"}
BENCHMARK = ("c_acc", "asr", "r_acc", "der")
BY = ["dataset", "model", "protocol", "poison_ratio"]
SIDE_BY_SIDE = 2  # defenses in one row of a LaTeX table
Rows = list[list[str]]


def results_table(summary: pd.DataFrame) -> Table:
    """Every setting: mean and standard deviation over seeds, in percent, and n; means of controls, if any."""
    settings = ordered(summary)
    controls = [name for name in CONTROL_HEADS if name in settings]
    heads = ["data set", "model", "attack", "ratio", "defense", "other settings", "n", *HEADS.values()]
    heads += [CONTROL_HEADS[name] for name in controls]
    rows = [
        [*names, str(cell["n"]), *_score_row(cell, tuple(HEADS)), *(score(cell[name]) for name in controls)]
        for names, cell in zip(_names(settings), settings.to_dict("records"), strict=True)
    ]
    return plain_table(
        "All results in percent: mean ± standard deviation over n seeds", settings, heads, rows, 6
    )


def sensitivity_table(sweeps: pd.DataFrame) -> Table:
    """Every value of each swept parameter; see `sensitivity`."""
    heads = [
        "parameter", "value", "data set", "model", "attack", "ratio", "defense", "other settings", "n",
        *HEADS.values(),
    ]  # fmt: skip
    rows = [
        [parameter, value if isinstance(value, str) else f"{value:.6g}", *names, str(n), *scores]
        for parameter, value, names, n, scores in zip(
            sweeps["parameter"], sweeps["value"], _names(sweeps), sweeps["n"], _scores(sweeps, tuple(HEADS)),
            strict=True,
        )
    ]  # fmt: skip
    title = "Sensitivity: mean ± standard deviation over n seeds, in percent, all else equal"
    frame = sweeps.astype({"value": str})  # of one type, as Parquet needs it
    return plain_table(title, frame, heads, rows, 8)


def published_table(compared: pd.DataFrame) -> Table:
    """Measured and published scores side by side, with measured - published; see `compare`."""
    settings = ordered(compared)
    heads = ["data set", "model", "attack", "ratio", "defense", "other settings", "n"]
    for name in SCORES:
        heads += [f"{HEADS[name]} measured", "published", "difference"]
    rows = []
    for names, cell in zip(_names(settings), settings.to_dict("records"), strict=True):
        row = [*names, str(cell["n"])]
        for name in SCORES:
            difference = cell[f"{name}_difference"]
            row += [
                score(cell[f"{name}_mean"], cell[f"{name}_std"]),
                score(cell[f"{name}_published"]),
                "–" if pd.isna(difference) else f"{difference:+.2f}".replace("-", "−"),
            ]
        rows.append(row)
    title = "Measured (mean ± standard deviation over n seeds) and published results in percent"
    return plain_table(title, settings, heads, rows, 6)


def failures_table(failures: pd.DataFrame) -> Table:
    """What a sweep could not do, and why.

    Args:
        failures: `task`, `error`, `params`, `log`, `when`, `sweep`; one row per failed task.
    """
    heads = ["sweep", "task", "error", "parameters"]
    rows = failures[["sweep", "task", "error", "params"]].astype(str).to_numpy().tolist()
    return plain_table("Failed: tasks of sweeps without a result", failures, heads, rows, 4)


def benchmark_table(summary: pd.DataFrame) -> Table:
    """Attack x defense with C-Acc, ASR, R-Acc, DER and n: one table for each data set, model and ratio."""
    title = "Attacks against defenses, in percent: mean ± standard deviation over n seeds"
    found = slices(summary, BY)
    shown = [part for one in found for part in (one.cells, one.control)]  # one control beside many ratios
    frame = pd.concat(shown).drop_duplicates(SETTING, ignore_index=True) if found else summary.iloc[:0]
    pages = "\n".join(_benchmark_html(one) for one in found)
    note = "% \\usepackage{booktabs}\n"
    latex = note + "\n".join(_benchmark_latex(one, title) for one in found)
    body = f"<h1>{html.escape(title)}</h1>\n{pages or '<p>There is no attack among these results.</p>'}"
    return Table(title, frame, html_page(title, body), latex)


class Matrix:
    """The texts of a slice by attacker (rows, the control last) and defender."""

    def __init__(self, shown: Slice) -> None:
        cells = pd.concat([shown.cells, shown.control.assign(attacker=CONTROL)])
        self.attackers = in_order(shown.cells["attacker"]) + ([CONTROL] if len(shown.control) else [])
        self.defenders = in_order(cells["defender"])
        self._texts = {
            (cell["attacker"], cell["defender"]): [*_score_row(cell, BENCHMARK), str(cell["n"])]
            for cell in cells.to_dict("records")
        }

    def row(self, attacker: str, defenders: list[str]) -> list[str]:
        """Five texts for each of the defenders; dashes where there is no result."""
        blank = ["–"] * (len(BENCHMARK) + 1)
        return [text for defender in defenders for text in self._texts.get((attacker, defender), blank)]


def _benchmark_html(shown: Slice) -> str:
    matrix = Matrix(shown)
    heads = [*(HEADS[name] for name in BENCHMARK), "n"]
    groups = "".join(
        f'<th scope="colgroup" colspan="{len(heads)}">{html.escape(defense_name(name))}</th>'
        for name in matrix.defenders
    )
    names = f'<th scope="col">{"</th><th scope=col>".join(heads)}</th>' * len(matrix.defenders)
    body = "\n".join(
        f'<tr><th scope="row">{html.escape(attacker)}</th>'
        + "".join(f"<td>{html.escape(text)}</td>" for text in matrix.row(attacker, matrix.defenders))
        + "</tr>"
        for attacker in matrix.attackers
    )
    return (
        f"<table>\n<caption>{html.escape(shown.name)}</caption>\n<thead>\n"
        f'<tr><td></td>{groups}</tr>\n<tr><th scope="col" class="text">attack</th>{names}</tr>\n</thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table>"
    )


def _benchmark_latex(shown: Slice, title: str) -> str:
    """A few defenses side by side, the next below them."""
    matrix = Matrix(shown)
    heads = [*(HEADS[name] for name in BENCHMARK), "$n$"]
    lines = [
        r"\begin{table*}",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{latex_text(title)}. {latex_text(shown.name)}.}}",
        rf"\begin{{tabular}}{{l{'r' * len(heads) * min(SIDE_BY_SIDE, len(matrix.defenders))}}}",
        r"\toprule",
    ]
    for start in range(0, len(matrix.defenders), SIDE_BY_SIDE):
        own = matrix.defenders[start : start + SIDE_BY_SIDE]
        groups = [rf"\multicolumn{{{len(heads)}}}{{c}}{{{latex_text(defense_name(name))}}}" for name in own]
        lines += [r"\midrule"] if start else []
        lines += [" & ".join(["", *groups]) + r" \\", " & ".join(["attack", *heads * len(own)]) + r" \\"]
        lines += [r"\midrule", *(latex_row([name, *matrix.row(name, own)]) for name in matrix.attackers)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table*}", r"\clearpage", ""])


def ordered(summary: pd.DataFrame) -> pd.DataFrame:
    """By data set and model, the control and undefended models first."""
    return (
        summary.assign(_attack=summary["attack"] != NONE, _defense=summary["defense"] != NONE)
        .sort_values(
            ["dataset", "model", "protocol", "_attack", "attack", "attack_variant", "poison_ratio",
             "_defense", "defense", "defense_variant"]
        )
        .drop(columns=["_attack", "_defense"])
        .reset_index(drop=True)
    )  # fmt: skip


def _names(settings: pd.DataFrame) -> Rows:
    """Data set, model, attack, ratio, defense and other settings, as words."""
    labelled = with_labels(settings)
    return [
        [
            cell["dataset"], cell["model"], CONTROL if cell["attack"] == NONE else cell["attacker"],
            "–" if pd.isna(cell["poison_ratio"]) else percent_ratio(cell["poison_ratio"]),
            defense_name(cell["defender"]), cell["protocol"],
        ]
        for cell in labelled.to_dict("records")
    ]  # fmt: skip


def _scores(settings: pd.DataFrame, metrics: tuple[str, ...]) -> Rows:
    return [_score_row(cell, metrics) for cell in settings.to_dict("records")]


def _score_row(cell: dict[Any, Any], metrics: tuple[str, ...]) -> list[str]:
    return [score(cell[f"{name}_mean"], cell[f"{name}_std"]) for name in metrics]
