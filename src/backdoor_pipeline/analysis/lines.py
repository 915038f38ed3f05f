"""Lines in panels side by side, drawn alike for print and for the browser."""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

DASHES = {"-": "solid", "--": "dash", "-.": "dashdot", ":": "dot"}
MOST_MARKERS = 30  # points of a line that are marked: beyond, they would hide it
GAP = 0.09  # between panels in the browser, as a share of the page
FAR = 100  # times below a line's lower quartile ends a logarithmic axis: one point would press the rest flat


@dataclass(frozen=True, slots=True)
class Line:
    """One line; points whose height is not a number are left out.

    Attributes:
        label: for the legend; lines of one label in several panels share an entry, and should share a look.
        color: of `style`.
        dash: as matplotlib writes it.
        values: heights by their place on the horizontal axis.
        marked: whether the points are marked too.
    """

    label: str
    color: str
    dash: str
    values: pd.Series
    marked: bool = True

    @property
    def points(self) -> pd.Series:
        """The points there are."""
        return self.values.dropna()

    @property
    def dotted(self) -> bool:
        """Whether points are to be marked."""
        return self.marked and len(self.points) <= MOST_MARKERS


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes.

    Attributes:
        xlabel: with its unit.
        ylabel: with its unit.
        lines: in the order of the legend.
        log: whether heights are logarithmic; what is not positive is not shown, and a line leaves the panel
            where it falls `FAR` below all that the lines mostly are.
        ylim: lowest and highest, or None.
        whole: whether the horizontal axis counts.
        mark: a place on it to mark with a vertical line, and what it is.
    """

    xlabel: str
    ylabel: str
    lines: Sequence[Line]
    log: bool = False
    ylim: tuple[float, float] | None = None
    whole: bool = True
    mark: tuple[float, str] | None = None

    @property
    def heights(self) -> tuple[float, float] | None:
        """From where to where the vertical axis goes; None: as far as the lines do."""
        shown = [line.points[line.points > 0] for line in self.lines]
        if self.ylim or not self.log or not any(map(len, shown)):
            return self.ylim
        values = pd.concat(shown)
        lowest = min(float(points.quantile(0.25)) for points in shown if len(points)) / FAR
        return (lowest, 1.5 * values.max()) if values.min() < lowest else None


def line_figure(title: str, panels: Sequence[Panel], table: pd.DataFrame) -> Figure:
    """The panels in a row; a column wide if it is one panel, else a page.

    One legend is below all of them if they show the same lines, else one below each.
    """
    panels = list(panels)
    return Figure(title, _draw(title, panels), _plotly(title, panels), table.reset_index(drop=True))


def note(title: str, sentence: str) -> Figure:
    """A figure that says why there is nothing to draw; its table holds the sentence."""
    words = {"text": sentence, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    bare = {"visible": False}
    layout = style.plotly_layout(title, annotations=[words], xaxis=bare, yaxis=bare)
    table = pd.DataFrame({"note": [sentence]})
    return Figure(title, _write(title, sentence), {"data": [], "layout": layout}, table)


@style.styled
def _write(title: str, sentence: str) -> Drawn:
    figure, (axes,) = style.canvas(title, style.COLUMN, 1.0)
    axes.set_axis_off()
    lines = textwrap.wrap(sentence, 52)
    axes.text(0.5, 0.5, "\n".join(lines), ha="center", va="center", fontsize=8, transform=axes.transAxes)
    return Drawn(figure)


@style.styled
def _draw(title: str, panels: list[Panel]) -> Drawn:
    width = style.PAGE if len(panels) > 1 else style.COLUMN
    below = 0 if _alike(panels) else 0.15 * max(len(panel.lines) for panel in panels)
    figure, all_axes = style.canvas(title, width, 2.4 + below, columns=len(panels))
    for axes, panel in zip(all_axes, panels, strict=True):
        _panel(axes, panel)
    handles, labels = all_axes[0].get_legend_handles_labels()
    if not _alike(panels):
        for axes in all_axes:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), handlelength=2.8)
    elif handles:
        columns = len(labels) if sum(map(len, labels)) < width * 11 else (len(labels) + 1) // 2
        figure.legend(handles, labels, handlelength=2.8, loc="outside lower center", ncols=columns)
    return Drawn(figure)


def _alike(panels: Sequence[Panel]) -> bool:
    """Whether all panels show lines of the same names."""
    return len({tuple(line.label for line in panel.lines) for panel in panels}) == 1


def _panel(axes: Axes, panel: Panel) -> None:
    for line in panel.lines:
        marker, points = ("o" if line.dotted else ""), line.points
        axes.plot(points.index, points, line.dash, color=line.color, marker=marker, label=line.label)
    axes.set(xlabel=panel.xlabel, ylabel=panel.ylabel)
    if panel.log:
        axes.set_yscale("log", nonpositive="mask")
        style.logarithmic(axes.yaxis)
    if panel.heights:
        axes.set_ylim(panel.heights)
    if panel.whole:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    if panel.mark:
        axes.axvline(panel.mark[0], color=style.BLACK, linestyle=":", linewidth=0.9, label=panel.mark[1])
    axes.grid(axis="y")


def _plotly(title: str, panels: list[Panel]) -> dict[str, Any]:
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    shapes = []
    seen: set[tuple[str, str]] = set()
    width = (1 - GAP * (len(panels) - 1)) / len(panels)
    for number, panel in enumerate(panels):
        axis = "" if number == 0 else str(number + 1)
        start = number * (width + GAP)
        layout[f"xaxis{axis}"] = {
            "title": {"text": panel.xlabel},
            "domain": [start, min(1, start + width)],
            "anchor": f"y{axis}",
            "showgrid": False,
        }
        layout[f"yaxis{axis}"] = {
            "title": {"text": panel.ylabel},
            "anchor": f"x{axis}",
            **({"type": "log"} if panel.log else {}),
            **({"range": _range(panel, panel.heights)} if panel.heights else {}),
        }
        own = "" if _alike(panels) else axis
        for line in panel.lines:
            traces.append({**_trace(line, axis, own), "showlegend": (own, line.label) not in seen})
            seen.add((own, line.label))
        middle = start + width / 2 if not _alike(panels) else 0.5
        layout[f"legend{own}"] = {"orientation": "h", "x": middle, "xanchor": "center", "y": -0.2}
        if panel.mark:
            shapes.append(_vertical(panel.mark[0], axis))
    return {"data": traces, "layout": style.plotly_layout(title, **layout, shapes=shapes)}


def _range(panel: Panel, heights: tuple[float, float]) -> list[float]:
    """What the browser shows; plotly takes the logarithms of a logarithmic axis."""
    return [math.log10(end) if panel.log else end for end in heights]


def _trace(line: Line, axis: str, legend: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if line.dotted else "lines",
        "name": line.label,
        "legend": f"legend{legend}",
        "legendgroup": f"{legend}{line.label}",
        "x": line.points.index.tolist(),
        "y": line.points.tolist(),
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "line": {"color": style.web(line.color), "dash": DASHES[line.dash]},
    }


def _vertical(place: float, axis: str) -> dict[str, Any]:
    look = {"color": style.NEUTRAL, "dash": "dot", "width": 1}
    across = {"x0": place, "x1": place, "xref": f"x{axis}", "y0": 0, "y1": 1, "yref": f"y{axis} domain"}
    return {"type": "line", **across, "line": look}
