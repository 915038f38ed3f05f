"""What a data set, or an architecture, makes of attacks and defenses: bars side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.summary import Slice, defense_name, in_order, slices

NO_RESULT: dict[str, Any] = {"linestyle": "", "marker": "x", "color": "#777777", "markersize": 3}


@dataclass(frozen=True, slots=True)
class Effect:
    """What is compared, and what has to be the same."""

    of: str
    what: str
    by: list[str]


DATASET = Effect("dataset", "data sets", ["model", "protocol", "poison_ratio"])
MODEL = Effect("model", "architectures", ["dataset", "protocol", "poison_ratio"])


def effect(summary: pd.DataFrame, compared: Effect) -> Figure:
    """ASR of each attack (groups of bars) under each defense (panels), a bar for each data set or model.

    Args:
        summary: see `summarize`.
        compared: `DATASET` or `MODEL`.

    Returns:
        The figure of the slice that compares most; the browser's has a menu of all such slices, the table
        every setting in them. Error bars are standard deviations over seeds; a cross means no result.
    """
    title = f"ASR on different {compared.what}" if compared is DATASET else "ASR of different architectures"
    found = slices(summary, compared.by, compared.of)
    if not found:
        sentence = f"No attack and defense was run, all else equal, on two {compared.what}."
        if compared is MODEL:
            sentence = "No attack and defense was run, all else equal, with two architectures."
        return drawing.note(title, sentence, summary.iloc[:0])
    table = pd.concat([one.cells for one in found]).sort_values([*compared.by, "attacker", "defender"])
    full = f"{title}: {found[0].name}"
    drawn = _draw(found[0], compared.of, full)
    return Figure(full, drawn, _plotly(found, compared.of, title), table.reset_index(drop=True))


@style.styled
def _draw(shown: Slice, of: str, title: str) -> Drawn:
    cells = shown.cells
    defenders, attackers, levels = (in_order(cells[name]) for name in ("defender", "attacker", of))
    figure, panels = drawing.multiples(title, defenders, 2, 0.95)
    for panel in panels:
        own = cells[cells["defender"] == panel.name]
        _panel(panel.axes, own, of, attackers, levels)
        panel.axes.set_title(defense_name(panel.name))
        panel.label("", "ASR (%)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if len(cells) < len(defenders) * len(attackers) * len(levels):
        handles, labels = [*handles, Line2D([], [], **NO_RESULT)], [*labels, "no result"]
    drawing.legend(figure, handles, labels)
    return Drawn(figure)


def _panel(axes: Axes, cells: pd.DataFrame, of: str, attackers: Sequence[str], levels: Sequence[str]) -> None:
    width = 0.8 / len(levels)
    for number, level in enumerate(levels):
        own = cells[cells[of] == level].set_index("attacker").reindex(list(attackers))
        places = np.arange(len(attackers)) + (number - (len(levels) - 1) / 2) * width
        errors = own["asr_std"].fillna(0).to_numpy()
        axes.bar(
            places, own["asr_mean"].fillna(0), width, color=drawing.color(number), label=level,
            hatch=drawing.HATCHES[drawing.dash(number)], edgecolor="white", linewidth=0,
        )  # fmt: skip
        with_error = errors > 0
        axes.errorbar(
            places[with_error], own["asr_mean"][with_error], errors[with_error],
            fmt="none", ecolor="#444444", elinewidth=0.6,
        )  # fmt: skip
        missing = own["asr_mean"].isna().to_numpy()
        axes.plot(places[missing], np.full(missing.sum(), 6.0), **NO_RESULT)
    axes.set(ylim=(0, 105), yticks=(0, 50, 100))
    axes.set_xticks(range(len(attackers)), attackers, rotation=30, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y")


def _plotly(found: list[Slice], of: str, title: str) -> dict[str, Any]:
    cells = pd.concat([one.cells for one in found])
    defenders, levels = in_order(cells["defender"]), in_order(cells[of])
    names = [defense_name(name) for name in defenders]
    percent = {"range": [0, 105], "title": {"text": "ASR (%)"}}
    layout = drawing.web_multiples(names, 2, {"automargin": True, "type": "category"}, percent)
    traces = {one.name: _traces(one.cells, of, defenders, levels) for one in found}
    return drawing.chart(traces, title, {**layout, "barmode": "group"})


def _traces(cells: pd.DataFrame, of: str, defenders: list[str], levels: list[str]) -> list[dict[str, Any]]:
    traces = []
    for panel, defender in enumerate(defenders, start=1):
        for number, level in enumerate(levels):
            own = cells[(cells["defender"] == defender) & (cells[of] == level)]
            traces.append(
                {
                    "type": "bar", "name": level, "legendgroup": level, "showlegend": panel == 1,
                    "xaxis": f"x{panel}", "yaxis": f"y{panel}",
                    "marker": {
                        "color": style.web(drawing.color(number)),
                        "pattern": {"shape": drawing.WEB_HATCHES[drawing.dash(number)]},
                    },
                    "x": own["attacker"].tolist(), "y": drawing.numbers(own["asr_mean"]),
                    "error_y": {"type": "data", "array": drawing.numbers(own["asr_std"])},
                }
            )  # fmt: skip
    return traces
