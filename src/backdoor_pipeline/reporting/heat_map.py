"""Every attack against every defense, as colors and numbers."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.reporting import drawing
from backdoor_pipeline.reporting.summary import CONTROL, Slice, defense_name, in_order, slices

TITLE = "Attacks against defenses"
PANELS = {
    "asr_mean": ("attack success rate (%)", "Oranges"),
    "c_acc_mean": ("clean accuracy (%)", "Blues"),
    "r_acc_mean": ("robust accuracy (%)", "Blues"),
    "der_mean": ("DER (%), 50: no effect", "PRGn"),
}
BY = ["dataset", "model", "protocol", "poison_ratio"]
ROOM = 36  # characters that fit side by side below a panel
ROOMY = 8  # defenses beside which a decimal still has room


def heat_map(summary: pd.DataFrame) -> Figure:
    """ASR, C-Acc, R-Acc and DER of every attack (rows, the clean control last) under every defense.

    Args:
        summary: see `summarize`.

    Returns:
        The figure of the fullest slice (data set, model and ratio); the browser's has a menu of all slices,
        the table every cell. A cell without a result is gray.
    """
    found = slices(summary, BY)
    if not found:
        return drawing.note(TITLE, "There is no attack among these results.", summary)
    title = f"{TITLE}: {found[0].name}"
    return Figure(title, _draw(found[0], title), _plotly(found), summary)


class Matrix:
    """The cells of a slice by attacker and defender."""

    def __init__(self, shown: Slice) -> None:
        cells = pd.concat([shown.cells, shown.control.assign(attacker=CONTROL)])
        self.rows = in_order(shown.cells["attacker"]) + ([CONTROL] if len(shown.control) else [])
        self.columns = in_order(cells["defender"])
        self.names = [defense_name(name) for name in self.columns]
        self.labels = list(map(drawing.brief, self.names))
        self._cells = cells
        self._places = (
            pd.Index(self.rows).get_indexer(pd.Index(cells["attacker"])),
            pd.Index(self.columns).get_indexer(pd.Index(cells["defender"])),
        )

    @property
    def crowded(self) -> bool:
        """Whether the columns' names need more room than there is side by side."""
        return len(self.labels) * max(map(len, self.labels)) > ROOM

    def values(self, metric: str) -> NDArray[np.float64]:
        """A metric in percent, (attackers, defenders), NaN where there is no result."""
        values = np.full((len(self.rows), len(self.columns)), np.nan)
        values[self._places] = self._cells[metric]
        return values


@style.styled
def _draw(shown: Slice, title: str) -> Drawn:
    matrix = Matrix(shown)
    upright = 0.055 * max(map(len, matrix.labels)) if matrix.crowded else 0.1
    height = 0.75 + 0.19 * len(matrix.rows) + upright
    figure, panels = drawing.multiples(title, list(PANELS), 2, height)
    for panel in panels:
        _panel(panel.axes, matrix, panel.name)
    return Drawn(figure)


def _panel(axes: Axes, matrix: Matrix, metric: str) -> None:
    name, colors = PANELS[metric]
    values = matrix.values(metric)
    shades = mpl.colormaps[colors].with_extremes(bad=style.MISSING)
    low = lowest(metric, values)
    picture = axes.imshow(values, cmap=shades, vmin=low, vmax=100, aspect="auto", interpolation="nearest")
    axes.set_title(name if low == 0 else f"{name}, shades from {low:.0f}")
    rotation = 90 if matrix.crowded else 0
    axes.set_xticks(range(len(matrix.columns)), matrix.labels, rotation=rotation, fontsize=6)
    axes.set_yticks(range(len(matrix.rows)), list(map(drawing.brief, matrix.rows)), fontsize=6)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    digits = 1 if len(matrix.columns) <= ROOMY else 0
    dark = picture.to_rgba(values)[..., :3] @ [0.3, 0.59, 0.11] < 0.55  # too dark for black figures
    for row, column in np.argwhere(~np.isnan(values)):
        shade = "white" if dark[row, column] else "black"
        number = f"{values[row, column]:.{digits}f}"
        axes.text(column, row, number, ha="center", va="center", fontsize=6, color=shade)


def lowest(metric: str, values: NDArray[np.float64]) -> float:
    """Where a metric's shades begin: of C-Acc, whose differences are small, a little below the smallest."""
    if metric != "c_acc_mean" or np.isnan(values).all():
        return 0.0
    return max(0.0, 10 * ((float(np.nanmin(values)) - 5) // 10))


def _plotly(found: list[Slice]) -> dict[str, Any]:
    hidden = {"showgrid": False, "automargin": True, "type": "category"}
    names = [name for name, _ in PANELS.values()]
    layout = drawing.web_multiples(names, 2, hidden, {**hidden, "autorange": "reversed"})
    traces = {one.name: _traces(Matrix(one)) for one in found}
    return drawing.chart(traces, TITLE, {**layout, "height": 900, "plot_bgcolor": style.MISSING})


def _traces(matrix: Matrix) -> list[dict[str, Any]]:
    traces = []
    for number, (metric, (name, colors)) in enumerate(PANELS.items(), start=1):
        low = lowest(metric, matrix.values(metric))
        values = matrix.values(metric).round(2).astype(object)
        values[pd.isna(values)] = None
        traces.append(
            {
                "type": "heatmap", "x": matrix.names, "y": matrix.rows, "z": values.tolist(), "name": name,
                "zmin": low, "zmax": 100, "colorscale": style.web_scale(colors),
                "showscale": False, "hoverongaps": False,
                "xaxis": f"x{number}", "yaxis": f"y{number}", "texttemplate": "%{z:.1f}",
                "hovertemplate": f"%{{y}}, %{{x}}<br>{name} %{{z:.2f}}<extra></extra>",
            }
        )  # fmt: skip
    return traces
