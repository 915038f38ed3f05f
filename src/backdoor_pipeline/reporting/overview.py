"""All attacks against all defenses at a glance: what a defense costs and what it mends."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.summary import Slice, defense_name, in_order, slices

TITLE = "C-Acc and R-Acc against ASR"
PANELS = {"c_acc_mean": "clean accuracy (%)", "r_acc_mean": "robust accuracy (%)"}
X = "asr_mean"
BY = ["dataset", "model", "protocol", "poison_ratio"]
FILLS, WEB_FILLS = ("full", "none", "left", "bottom"), ("", "-open", "-dot", "-open-dot")  # of markers


def overview(summary: pd.DataFrame) -> Figure:
    """One point for each attack and defense: C-Acc against ASR, R-Acc against ASR with the anti-diagonal.

    A good attack lies at the top right of the first panel, a good defense at the top left of both. Points on
    the anti-diagonal are images won back whole: no longer sent to the target, and recognized.

    Args:
        summary: see `summarize`.

    Returns:
        The figure of the fullest slice (data set, model and ratio); the browser's has a menu of all slices,
        the table every point.
    """
    found = slices(summary, BY)
    points = summary[summary["attack"] != NONE]
    if not found:
        return drawing.note(TITLE, "There is no attack among these results.", points)
    title = f"{TITLE}: {found[0].name}"
    return Figure(title, _draw(found[0], title, *_names(found[:1])), _plotly(found, *_names(found)), points)


def _names(found: list[Slice]) -> tuple[list[str], list[str]]:
    """The defenders and the attackers of these slices."""
    cells = pd.concat([one.cells for one in found])
    return in_order(cells["defender"]), in_order(cells["attacker"])


@style.styled
def _draw(shown: Slice, title: str, defenders: list[str], attackers: list[str]) -> Drawn:
    figure, panels = style.canvas(title, style.PAGE, 2.9, columns=2)
    for axes, (column, name) in zip(panels, PANELS.items(), strict=True):
        _scatter(axes, shown.cells, column, defenders, attackers)
        axes.set(xlabel="attack success rate (%)", ylabel=name, xlim=(-3, 103), ylim=(-3, 103), box_aspect=1)
        axes.grid()
    panels[0].set_ylim(_floor(shown.cells["c_acc_mean"]), 100.5)
    panels[1].plot([0, 100], [100, 0], color=style.BLACK, linewidth=0.7, linestyle=":", zorder=1)
    _legends(figure, defenders, attackers)
    return Drawn(figure)


def _floor(accuracies: "pd.Series[float]") -> float:
    """Where the axis of C-Acc begins: its differences are small."""
    return max(-3.0, 10 * ((float(accuracies.min()) - 1) // 10))


def _scatter(
    axes: Axes, cells: pd.DataFrame, column: str, defenders: list[str], attackers: list[str]
) -> None:
    for cell in cells.to_dict("records"):
        axes.plot(
            cell[X], cell[column], alpha=0.85, linestyle="",
            **_look(defenders.index(cell["defender"])), marker=_marker(attackers.index(cell["attacker"])),
        )  # fmt: skip


def _look(number: int) -> dict[str, Any]:
    """A defense: black is none; then six colors, filled, then hollow, then half filled in two ways."""
    shade = style.BLACK if number == 0 else drawing.color((number - 1) % 6)
    fill = FILLS[_fill(number)]
    return {
        "markeredgecolor": shade,
        "markerfacecolor": shade,
        "markerfacecoloralt": "none",
        "fillstyle": fill,
        "markeredgewidth": 0.8,
        "markersize": 4.5,
    }


def _fill(number: int) -> int:
    """Which of `FILLS` a defense has."""
    return max(0, number - 1) // 6 % len(FILLS)


def _marker(number: int) -> str:
    return drawing.MARKERS[number % len(drawing.MARKERS)]


def _legends(figure: Canvas, defenders: list[str], attackers: list[str]) -> None:
    looks = [Line2D([], [], linestyle="", marker="o", **_look(number)) for number in range(len(defenders))]
    marks = [
        Line2D([], [], linestyle="", color="#777777", marker=_marker(number), markersize=4.5)
        for number in range(len(attackers))
    ]
    gap = Line2D([], [], linestyle="")
    figure.legend(
        [gap, *looks, gap, *marks],
        [
            "DEFENSE",
            *(drawing.brief(defense_name(one)) for one in defenders),
            "ATTACK",
            *map(drawing.brief, attackers),
        ],
        loc="outside right center",
        handletextpad=0.3,
        labelspacing=0.3,
    )


def _plotly(found: list[Slice], defenders: list[str], attackers: list[str]) -> dict[str, Any]:
    axis = {"range": [-3, 103], "title": {"text": "attack success rate (%)"}}
    diagonal = {
        "type": "line", "xref": "x2", "yref": "y2", "x0": 0, "y0": 100, "x1": 100, "y1": 0,
        "line": {"color": style.NEUTRAL, "width": 1, "dash": "dot"},
    }  # fmt: skip
    names = list(PANELS.values())
    low = _floor(pd.concat([one.cells for one in found])["c_acc_mean"])
    layout = {
        "xaxis": {**axis, "domain": [0, 0.45]},
        "xaxis2": {**axis, "domain": [0.55, 1], "anchor": "y2"},
        "yaxis": {**axis, "title": {"text": names[0]}, "range": [low, 100.5]},
        "yaxis2": {**axis, "title": {"text": names[1]}, "anchor": "x2"},
        "shapes": [diagonal],
        "legend": {"title": {"text": "defense"}},
    }
    traces = {one.name: _traces(one, defenders, attackers) for one in found}
    return drawing.chart(traces, TITLE, layout)


def _traces(shown: Slice, defenders: list[str], attackers: list[str]) -> list[dict[str, Any]]:
    traces = []
    for number, defender in enumerate(defenders):
        own = shown.cells[shown.cells["defender"] == defender]
        marks = [attackers.index(name) % len(drawing.WEB_MARKERS) for name in own["attacker"]]
        look = _look(number)
        for panel, column in enumerate(PANELS, start=1):
            traces.append(
                {
                    "type": "scatter", "mode": "markers", "name": defense_name(defender),
                    "legendgroup": defender,
                    "showlegend": panel == 1, "xaxis": f"x{panel}", "yaxis": f"y{panel}",
                    "x": drawing.numbers(own[X]), "y": drawing.numbers(own[column]),
                    "text": own["attacker"].tolist(),
                    "marker": {
                        "color": style.web(look["markeredgecolor"]), "size": 9,
                        "symbol": [drawing.WEB_MARKERS[mark] + WEB_FILLS[_fill(number)] for mark in marks],
                    },
                    "hovertemplate": f"%{{text}}, {defender}<br>ASR %{{x:.1f}}<br>%{{y:.1f}}<extra></extra>",
                }
            )  # fmt: skip
    return traces
