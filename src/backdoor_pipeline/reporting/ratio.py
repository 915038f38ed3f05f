"""What the poisoning ratio does: more poison makes a backdoor stronger, and sometimes easier to find."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.summary import Slice, defense_name, in_order, slices

TITLE = "ASR by poisoning ratio"
BY = ["dataset", "model", "protocol"]
LEAST_STEP = 1.3  # between two ticks


def ratio_effect(summary: pd.DataFrame) -> Figure:
    """ASR over the poisoning ratio, a curve for each attack, a panel for each defense.

    Args:
        summary: see `summarize`.

    Returns:
        The figure of the slice (data set and model) with the most points; the browser's has a menu of all
        slices, the table every point. Curves are means over seeds, bands one standard deviation.
    """
    found = slices(summary, BY, "poison_ratio")
    if not found:
        return drawing.note(
            TITLE, "No attack and defense was run, all else equal, at two ratios.", summary.iloc[:0]
        )
    table = pd.concat([one.cells for one in found]).sort_values([*BY, "attacker", "defender", "poison_ratio"])
    title = f"{TITLE}: {found[0].name}"
    attackers = in_order(table["attacker"])
    drawn = _draw(found[0], title, attackers)
    return Figure(title, drawn, _plotly(found, attackers), table.reset_index(drop=True))


@style.styled
def _draw(shown: Slice, title: str, attackers: list[str]) -> Drawn:
    defenders = in_order(shown.cells["defender"])
    figure, panels = drawing.multiples(title, defenders, 3, 1.3)
    ratios = sorted(shown.cells["poison_ratio"].unique())
    for panel in panels:
        own = shown.cells[shown.cells["defender"] == panel.name]
        _panel(panel.axes, own, attackers, ratios)
        panel.axes.set_title(defense_name(panel.name))
        panel.label("poisoning ratio (%)", "ASR (%)")
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    names = [name for name in attackers if name in lines]
    drawing.legend(figure, [lines[name] for name in names], names)
    return Drawn(figure)


def _panel(axes: Axes, cells: pd.DataFrame, attackers: list[str], ratios: list[float]) -> None:
    for number, attacker in enumerate(attackers):
        own = cells[cells["attacker"] == attacker].sort_values("poison_ratio")
        if own.empty:
            continue
        x, mean, std = (own[name].to_numpy() for name in ("poison_ratio", "asr_mean", "asr_std"))
        axes.plot(
            x, mean, drawing.DASHES[drawing.dash(number)], color=drawing.color(number), label=attacker,
            marker=drawing.MARKERS[number % len(drawing.MARKERS)], markersize=3, linewidth=1.1,
        )  # fmt: skip
        axes.fill_between(x, mean - std, mean + std, color=drawing.color(number), alpha=0.18, linewidth=0)
    axes.set_xscale("log")
    axes.set_ylim(-3, 103)
    axes.set_xlim(ratios[0] / 1.25, ratios[-1] * 1.25)
    axes.set_xticks(legible(ratios))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{100 * ratio:.3g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")


def legible(ratios: Iterable[float]) -> list[float]:
    """Those that can be ticks of one logarithmic axis: of any that would overlap, the highest.

    >>> legible([0.01, 0.0987, 0.1])
    [0.01, 0.1]
    """
    kept: list[float] = []
    for ratio in sorted(ratios, reverse=True):
        if not kept or ratio * LEAST_STEP <= kept[0]:
            kept.insert(0, ratio)
    return kept


def _plotly(found: list[Slice], attackers: list[str]) -> dict[str, Any]:
    defenders = in_order(pd.concat([one.cells["defender"] for one in found]))
    names = [defense_name(name) for name in defenders]
    ratios = legible({100 * ratio for one in found for ratio in one.cells["poison_ratio"]})
    along: dict[str, Any] = {"type": "log", "tickvals": ratios, "ticktext": [f"{one:.4g}" for one in ratios]}
    along["title"] = {"text": "poisoning ratio (%)"}
    percent = {"range": [-3, 103], "title": {"text": "ASR (%)"}}
    layout = drawing.web_multiples(names, 3, along, percent)
    traces = {one.name: _traces(one.cells, defenders, attackers) for one in found}
    return drawing.chart(traces, TITLE, layout)


def _traces(cells: pd.DataFrame, defenders: list[str], attackers: list[str]) -> list[dict[str, Any]]:
    traces = []
    for panel, defender in enumerate(defenders, start=1):
        for number, attacker in enumerate(attackers):
            own = cells[(cells["defender"] == defender) & (cells["attacker"] == attacker)]
            own = own.sort_values("poison_ratio")
            traces.append(
                {
                    "type": "scatter", "mode": "lines+markers", "name": attacker, "legendgroup": attacker,
                    "showlegend": panel == 1, "xaxis": f"x{panel}", "yaxis": f"y{panel}",
                    "line": {
                        "color": style.web(drawing.color(number)),
                        "dash": drawing.WEB_DASHES[drawing.dash(number)],
                    },
                    "marker": {"symbol": drawing.WEB_MARKERS[number % len(drawing.WEB_MARKERS)]},
                    "x": drawing.numbers(100 * own["poison_ratio"]), "y": drawing.numbers(own["asr_mean"]),
                    "error_y": {"type": "data", "array": drawing.numbers(own["asr_std"])},
                }
            )  # fmt: skip
    return traces
