"""How much a result depends on one hyper-parameter, all else equal."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.columns import DATA, IDENTITY, Parameter, names_of, text
from backdoor_pipeline.reporting.filters import known_parameter
from backdoor_pipeline.reporting.summary import defense_name, label, percent_ratio, summarize
from backdoor_pipeline.reporting.variants import SETTING, varied_columns, with_variants

TITLE = "Sensitivity to hyper-parameters"
LINES = {
    "c_acc": ("C-Acc", style.GREEN, "--", "s"),
    "asr": ("ASR", style.VERMILION, "-", "o"),
    "r_acc": ("R-Acc", style.BLUE, "-.", "^"),
}
WEB_DASHES = {"-": "solid", "--": "dash", "-.": "dashdot"}
MOST_PANELS, COLUMNS, MOST_TICKS = 6, 3, 6
ROOM = 26  # characters that fit side by side below a panel
WHICH = ("dataset", "model", "attack", "defense", "seed", f"{IMPORTED}.data")  # no hyper-parameters
WIDE = 20  # from this ratio of the largest to the smallest value on, the axis is logarithmic


def sensitivity(cells: pd.DataFrame, name: str | None) -> Figure:
    """C-Acc, ASR and R-Acc over the values of a hyper-parameter.

    Args:
        cells: see `to_cells`.
        name: the parameter, such as `attacks.blended.alpha`; None: every one in which results differ that
            agree in all others.

    Returns:
        The figure with a panel for each of the parameters with the most values, of the one setting that has
        most of them; the table has every parameter, setting and value.

    Raises:
        UserError: no results differ in the parameter that was named, or it is none that is swept.
    """
    table = sweep_table(cells, name)
    if table.empty:
        return drawing.note(TITLE, "No two results differ in one hyper-parameter alone.", table)
    shown = _panels(table)
    total = table["parameter"].nunique()
    title = TITLE if total <= MOST_PANELS else f"{TITLE} ({MOST_PANELS} of {total}; the table has all)"
    return Figure(title, _draw(shown, title), _plotly(shown, title), table)


def sweep_table(cells: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """Every value of each parameter with its scores; see `sensitivity`.

    Returns:
        `parameter`, `value`, the columns of `SETTING` without the parameter itself, and those of
        `summarize`.
    """
    if name in WHICH:
        raise UserError(
            f"report.sensitivity: {name} says which experiment it is and is no hyper-parameter; name one, "
            f"such as attacks.blended.alpha, and choose among the results by --params {name}=VALUE."
        )
    parameters = [known_parameter(name, cells)] if name else list(_swept(cells))
    found = [part for part in (_sweep(cells, one) for one in parameters) if len(part)]
    if name and not found:
        raise UserError(
            f"report.sensitivity: no two results differ in {name} alone; "
            f"sweep it first: kedro sweep --grid {name}=VALUE,VALUE."
        )
    if not found:
        return summarize(with_variants(cells)).iloc[:0].assign(parameter="", value="")
    return pd.concat(found, ignore_index=True)


def _swept(cells: pd.DataFrame) -> Iterator[Parameter]:
    """Parameters in which results differ that are called alike."""
    columns = varied_columns(cells)
    if columns:
        differs = _differs(cells, columns)
        for column in columns:
            if differs[column] and column != DATA:
                yield from (Parameter.named(name) for name in names_of(column, cells))


def _differs(cells: pd.DataFrame, columns: list[str]) -> "pd.Series[bool]":
    """Whether results that are called alike differ in these columns."""
    same = [name for name in IDENTITY if name not in columns]
    return cells.groupby(same, dropna=False, sort=False)[columns].nunique(dropna=False).max() > 1


def _sweep(cells: pd.DataFrame, parameter: Parameter) -> pd.DataFrame:
    rows = cells[parameter.applies(cells)]
    if rows.empty or not _differs(rows, [parameter.column])[parameter.column]:
        return rows.iloc[:0]
    other = with_variants(rows.assign(**dict.fromkeys(_twins(rows, parameter.column), np.nan)))
    table = summarize(other.assign(value=_values(rows[parameter.column])), [*SETTING, "value"])
    values = table.groupby(SETTING, dropna=False)["value"].transform("nunique")
    table = _by_size(table[values > 1]).astype({"value": object})
    table.insert(0, "parameter", parameter.name)
    return table


def _by_size(table: pd.DataFrame) -> pd.DataFrame:
    """Each setting's values with the numbers first, by size, where words or null are among them too."""
    setting = table.groupby(SETTING, dropna=False, sort=False).ngroup()
    size = pd.to_numeric(table["value"], errors="coerce")
    return table.loc[pd.DataFrame({"setting": setting, "size": size}).sort_values(["setting", "size"]).index]


def _twins(rows: pd.DataFrame, column: str) -> list[str]:
    """The column and those with the same values throughout: one choice may be written down twice."""
    own = rows[column].map(text)
    others = [name for name in varied_columns(rows) if name != column and rows[name].map(text).equals(own)]
    return [column, *others]


def _values(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Numbers where all are, else texts."""
    texts = column.map(text)
    numbers = pd.to_numeric(texts, errors="coerce")
    return texts if numbers.isna().any() else numbers


def _panels(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """For each of the parameters with most values, the setting with most of them; undefended ones first."""
    found = {}
    for name, own in table.groupby("parameter", sort=True):
        settings = [one for _, one in own.groupby(SETTING, dropna=False, sort=True)]
        found[str(name)] = min(
            settings, key=lambda one: (-len(one), one["defense"].iloc[0] != NONE, -one["n"].sum())
        )
    kept = sorted(found, key=lambda name: -len(found[name]))[:MOST_PANELS]
    return {name: found[name] for name in kept}


def setting_name(cell: "pd.Series[Any]") -> str:
    """Data set, model, attack with its ratio, defense, and what else was varied."""
    attack = label(cell["attack"], cell["attack_variant"])
    if not pd.isna(cell["poison_ratio"]):
        attack += f" {percent_ratio(cell['poison_ratio'])}"
    defense = label(cell["defense"], cell["defense_variant"])
    parts = [cell["dataset"], cell["model"], cell["protocol"], attack]
    return ", ".join(filter(None, [*parts, defense_name(defense)]))


@style.styled
def _draw(shown: dict[str, pd.DataFrame], title: str) -> Drawn:
    figure, panels = drawing.multiples(title, list(shown), COLUMNS, 1.8)
    for panel in panels:
        _panel(panel.axes, shown[panel.name], panel.name)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    drawing.legend(figure, handles, labels)
    return Drawn(figure)


def _panel(axes: Axes, own: pd.DataFrame, name: str) -> None:
    values = own["value"].tolist()
    numeric = not any(isinstance(value, str) for value in values)
    places = values if numeric else list(range(len(values)))
    for metric, (legend, shade, dash, marker) in LINES.items():
        mean, std = own[f"{metric}_mean"].to_numpy(), own[f"{metric}_std"].to_numpy()
        axes.plot(places, mean, dash, color=shade, marker=marker, label=legend)
        axes.fill_between(places, mean - std, mean + std, color=shade, alpha=0.18, linewidth=0)
    if not numeric:
        crowded = len(values) * max(map(len, values)) > ROOM
        slanted: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(places, values, **(slanted if crowded else {}))
        axes.set_xlim(-0.5, len(places) - 0.5)
    else:
        if logarithmic(values):
            axes.set_xscale("log")
            style.logarithmic(axes.xaxis)
        if len(values) <= MOST_TICKS:
            ticks = legible(values)
            axes.set_xticks(ticks, [text(value) for value in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
    context = drawing.wrapped(setting_name(own.iloc[0]), 34)
    axes.set_title(context, fontsize=6)
    axes.set(xlabel=name, ylabel="percent", ylim=(-3, 103))
    axes.grid(axis="y")


def logarithmic(values: list[float]) -> bool:
    """Whether values are so far apart that only a logarithmic axis shows them all."""
    return min(values) > 0 and max(values) / min(values) >= WIDE


def legible(values: list[float]) -> list[float]:
    """Those that can be ticks of one axis, ascending: of any whose numbers would overlap, the first.

    >>> legible([1, 2, 3, 4, 100, 102]), legible([0.0001, 0.00015, 0.001])
    ([1, 2, 3, 4, 100], [0.0001, 0.001])
    """
    kept: list[float] = []
    place = math.log if logarithmic(values) else float
    whole = place(max(values)) - place(min(values))
    for value in values:
        room = 0.03 + 0.01 * (len(text(value)) + len(text(kept[-1])) if kept else 0)
        if not kept or place(value) - place(kept[-1]) >= room * whole:
            kept.append(value)
    return kept


def _plotly(shown: dict[str, pd.DataFrame], title: str) -> dict[str, Any]:
    percent = {"range": [-3, 103], "title": {"text": "percent"}}
    names = [drawing.wrapped(setting_name(own.iloc[0]), 40, "<br>") for own in shown.values()]
    layout = drawing.web_multiples(names, min(COLUMNS, len(shown)), {}, percent)
    traces = []
    for panel, (name, own) in enumerate(shown.items(), start=1):
        values = own["value"].tolist()
        numeric = not any(isinstance(value, str) for value in values)
        kind = "category" if not numeric else "log" if logarithmic(values) else "linear"
        layout[f"xaxis{panel}"] |= {"title": {"text": name}, "type": kind}
        if len(values) <= MOST_TICKS:
            ticks = legible(values) if numeric else values
            layout[f"xaxis{panel}"] |= {"tickvals": ticks, "ticktext": [text(value) for value in ticks]}
        traces += [_trace(own, metric, panel) for metric in LINES]
    return {"data": traces, "layout": style.plotly_layout(title, **layout)}


def _trace(own: pd.DataFrame, metric: str, panel: int) -> dict[str, Any]:
    legend, shade, dash, _ = LINES[metric]
    return {
        "type": "scatter", "mode": "lines+markers", "name": legend, "legendgroup": legend,
        "showlegend": panel == 1, "xaxis": f"x{panel}", "yaxis": f"y{panel}",
        "line": {"color": style.web(shade), "dash": WEB_DASHES[dash]},
        "x": own["value"].tolist(), "y": drawing.numbers(own[f"{metric}_mean"]),
        "error_y": {"type": "data", "array": drawing.numbers(own[f"{metric}_std"])},
    }  # fmt: skip
