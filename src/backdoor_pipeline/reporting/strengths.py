"""Triggers of several strengths in training against several strengths at test (B.8)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.summary import percent_ratio
from backdoor_pipeline.reporting.variants import with_variants

TITLE = "ASR (%) of stronger and weaker triggers"
NOTHING = "No attack was analyzed with two strengths of its trigger in training, all else equal."
ID, VICTIM = "artifact.evaluate", "artifact.train"
GROUP = ["dataset", "model", "protocol", "attack", "poison_ratio"]
COLUMNS = [*GROUP, "strength_of", "trained", "strength", "asr_mean", "asr_std", "n"]
MOST_PANELS, SIDE_BY_SIDE = 6, 2


def strength_matrix(cells: pd.DataFrame, strengths: pd.DataFrame) -> Figure:
    """ASR over the trigger's strength in training (rows) and at test (columns), before any defense.

    Args:
        cells: see `to_cells`.
        strengths: the rows of `strength_rows` of all experiments that were analyzed, with `ID`.

    Returns:
        A panel for each of the settings that have most strengths in training, at least two; the table has
        all of them. A strength that was trained with is framed; a pair that was not measured is gray.
    """
    table = strength_table(cells, strengths)
    found = sorted(_settings(table), key=lambda one: -len(one.grid))[:MOST_PANELS]
    if not found:
        return drawing.note(TITLE, NOTHING, table)
    return Figure(TITLE, _draw(found), _plotly(found), table)


def strength_table(cells: pd.DataFrame, strengths: pd.DataFrame) -> pd.DataFrame:
    """Every pair of strengths in training and at test, its ASR over the seeds in percent: see `COLUMNS`.

    A victim counts once, however many defenses it was given. Where variants of an attack have one strength in
    training but differ in something else, that with most results is taken.
    """
    wanted = with_variants(cells)[[*GROUP, "attack_variant", "seed", ID, VICTIM]]
    rows = strengths[strengths["model"] == "before"].drop(columns="model").merge(wanted, on=ID)
    rows = rows.drop_duplicates([VICTIM, "strength"], keep="last")
    rows = rows.assign(
        trained=rows["trained"].round(4), strength=rows["strength"].round(4), asr=100 * rows["asr"]
    )
    results = rows.groupby([*GROUP, "trained"])["attack_variant"]
    rows = rows[rows["attack_variant"] == results.transform(lambda names: names.mode().iloc[0])]
    rows = rows[rows.groupby(GROUP)["trained"].transform("nunique") > 1]
    groups = rows.groupby([*GROUP, "strength_of", "trained", "strength"])
    table = groups.agg(asr_mean=("asr", "mean"), asr_std=("asr", "std"), n=("seed", "nunique"))
    return table.reset_index()[COLUMNS]


@dataclass(frozen=True, slots=True, eq=False)
class _Setting:
    name: str
    strength_of: str
    grid: pd.DataFrame  # strength in training x at test


def _settings(table: pd.DataFrame) -> Iterator[_Setting]:
    several = table["model"].nunique() > 1
    for (dataset, model, protocol, attack, ratio), own in table.groupby(GROUP):
        parts = [str(attack), str(dataset), str(model) * several, percent_ratio(ratio), str(protocol)]
        grid = own.pivot(index="trained", columns="strength", values="asr_mean")
        yield _Setting(", ".join(filter(None, parts)), str(own["strength_of"].iloc[0]), grid)


@style.styled
def _draw(found: list[_Setting]) -> Drawn:
    height = 0.45 + 0.2 * max(len(one.grid) for one in found)
    figure, panels = drawing.multiples(TITLE, [one.name for one in found], SIDE_BY_SIDE, height)
    for panel, setting in zip(panels, found, strict=True):
        _panel(panel.axes, setting)
        panel.axes.set_title(drawing.wrapped(panel.name, 42))
    return Drawn(figure)


def _panel(axes: Axes, setting: _Setting) -> None:
    grid, values = setting.grid, setting.grid.to_numpy(dtype=float)
    axes.pcolormesh(np.ma.masked_invalid(values), cmap="cividis", vmin=0, vmax=100, edgecolors="white")
    axes.set_facecolor(style.MISSING)
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        shade = "white" if value < 55 else "black"
        axes.text(column + 0.5, row + 0.5, f"{value:.0f}", ha="center", va="center", fontsize=6, color=shade)
        if grid.index[row] == grid.columns[column]:
            axes.add_patch(
                Rectangle((column, row), 1, 1, fill=False, edgecolor=style.VERMILION, linewidth=1.4)
            )
    axes.set(xlabel=f"{setting.strength_of} at test", ylabel="in training")
    axes.set_xticks(np.arange(len(grid.columns)) + 0.5, [f"{one:g}" for one in grid.columns], fontsize=6)
    axes.set_yticks(np.arange(len(grid)) + 0.5, [f"{one:g}" for one in grid.index], fontsize=6)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _plotly(found: list[_Setting]) -> dict[str, Any]:
    axis = {"type": "category", "showgrid": False}
    columns = min(SIDE_BY_SIDE, len(found))
    names = [f"{one.name}: {one.strength_of}" for one in found]
    at_test = {**axis, "title": {"text": "at test"}}
    layout = drawing.web_multiples(names, columns, at_test, {**axis, "title": {"text": "in training"}})
    traces = [
        {
            "type": "heatmap", "x": [f"{one:g}" for one in setting.grid.columns],
            "y": [f"{one:g}" for one in setting.grid.index],
            "z": [drawing.numbers(row) for _, row in setting.grid.iterrows()],
            "zmin": 0, "zmax": 100, "colorscale": style.web_scale("cividis"),
            "showscale": False, "texttemplate": "%{z:.0f}",
            "xaxis": f"x{number}", "yaxis": f"y{number}",
        }
        for number, setting in enumerate(found, start=1)
    ]  # fmt: skip
    return {"data": traces, "layout": style.plotly_layout(TITLE, **layout)}
