"""What the figures across experiments share: small multiples, looks of many series, a choice of slices."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

LONGEST = 24  # characters of a name in a picture
MARKERS = "osD^vPX<>*ph"
WEB_MARKERS = (
    "circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "triangle-left",
    "triangle-right", "star", "pentagon", "hexagon",
)  # fmt: skip
DASHES, WEB_DASHES = ("-", "--", ":", "-."), ("solid", "dash", "dot", "dashdot")
HATCHES, WEB_HATCHES = ("", "////", "....", "xxxx"), ("", "/", ".", "x")  # of bars
COLORS = (style.BLUE, style.VERMILION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY, style.BLACK)
Trace = dict[str, Any]
SLICED = ("x", "y", "z", "zmin", "text", "marker.symbol", "error_y.array")  # what differs between slices


def color(number: int) -> str:
    """The color of a series; told apart by marker, dash or hatch too, as colors come again after seven."""
    return COLORS[number % len(COLORS)]


def dash(number: int) -> int:
    """Which of `DASHES`, or of `HATCHES`, a series has."""
    return number // len(COLORS) % len(DASHES)


@dataclass(frozen=True, slots=True)
class Panel:
    """One of several small axes that share what is along them: named at the left and at the bottom only."""

    name: str
    axes: Axes
    left: bool
    bottom: bool

    def label(self, xlabel: str, ylabel: str) -> None:
        """Name what is along the axes, where the panel is an outer one."""
        if self.left:
            self.axes.set_ylabel(ylabel)
        if self.bottom:
            self.axes.set_xlabel(xlabel)
        else:
            self.axes.tick_params(axis="x", labelbottom=False)


def multiples(title: str, names: Sequence[str], columns: int, height: float) -> tuple[Canvas, list[Panel]]:
    """A page of small panels; one alone is a column wide, and higher.

    Args:
        title: of the figure.
        names: of the panels.
        columns: panels in a row.
        height: of each panel in inches.
    """
    columns = min(columns, len(names))
    rows = -(-len(names) // columns)
    width, high = (style.PAGE, height) if columns > 1 else (style.COLUMN, 1.5 * height)
    figure = Canvas(figsize=(width, high * rows + 0.6), dpi=style.DPI, layout="constrained")
    figure.suptitle(wrapped(title, int(width * 14)))
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[len(names) :]:
        unused.set_axis_off()
    panels = [
        Panel(name, axes[number], number % columns == 0, number + columns >= len(names))
        for number, name in enumerate(names)
    ]
    return figure, panels


def brief(name: str) -> str:
    """A name that leaves room for the figure; tables have it whole.

    >>> brief("blended (alpha=0.1)"), brief("lc (epsilon=16, surrogate.adversarial=true)")
    ('blended (alpha=0.1)', 'lc (epsilon=16, surroga…')
    """
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def legend(figure: Canvas, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """A legend below the panels, in as many columns as there is room for."""
    room = int(figure.get_figwidth() * 13 / (max(map(len, labels)) + 7))  # 13 characters to the inch
    figure.legend(handles, labels, loc="outside lower center", ncols=max(1, min(room, len(labels))))


def web_multiples(names: Sequence[str], columns: int, xaxis: Any, yaxis: Any) -> dict[str, Any]:
    """The layout of the same panels in plotly: axes `x1`, `y1` and so on, and their titles.

    Args:
        names: of the panels.
        columns: panels in a row.
        xaxis: what all x axes have.
        yaxis: what all y axes have.
    """
    rows = -(-len(names) // columns)
    gap = 0.3 / rows
    height = (1 - gap * (rows - 1)) / rows
    layout: dict[str, Any] = {"annotations": [], "height": 120 + 260 * rows}
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        left, right = (column + 0.02) / columns, (column + 0.88) / columns
        top = 1 - row * (height + gap)
        axis = number + 1
        layout[f"xaxis{axis}"] = {**xaxis, "domain": [left, right], "anchor": f"y{axis}"}
        layout[f"yaxis{axis}"] = {**yaxis, "domain": [max(0, top - height), top], "anchor": f"x{axis}"}
        if column:
            layout[f"yaxis{axis}"].pop("title", None)
        layout["annotations"].append(
            {
                "text": name, "x": (left + right) / 2, "y": top, "xref": "paper", "yref": "paper",
                "xanchor": "center", "yanchor": "bottom", "showarrow": False, "font": {"size": 13},
            }
        )  # fmt: skip
    return layout


def chart(traces: Mapping[str, list[Trace]], title: str, layout: Mapping[str, Any]) -> dict[str, Any]:
    """A plotly figure with a menu of slices.

    Args:
        traces: for each slice its traces: the same ones in the same order, with other values.
        title: what is shown; the slice's name is added.
        layout: what the figure adds to the common look.
    """
    first = next(iter(traces))
    whole = style.plotly_layout(f"{title}: {first}", **layout)
    if len(traces) > 1:
        buttons = [
            {
                "label": name,
                "method": "update",
                "args": [_values(own), {"title.text": f"{title}: {name}"}],
            }
            for name, own in traces.items()
        ]
        menu = {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom"}
        menu["pad"] = {"b": 45}
        whole["updatemenus"] = [menu]
        whole["margin"]["t"] += 40
    return {"data": traces[first], "layout": whole}


def _values(traces: list[Trace]) -> dict[str, list[Any]]:
    parts = {name: [_part(trace, name) for trace in traces] for name in SLICED}
    return {name: values for name, values in parts.items() if any(value is not None for value in values)}


def _part(trace: Trace, name: str) -> Any:
    outer, _, inner = name.partition(".")
    return trace.get(outer, {}).get(inner) if inner else trace.get(outer)


def numbers(values: "pd.Series[float]") -> list[float | None]:
    """Values for JSON, which knows no NaN."""
    return [None if pd.isna(value) else round(float(value), 4) for value in values]


@style.styled
def note(title: str, sentence: str, table: pd.DataFrame) -> Figure:
    """A figure of one sentence, where there is nothing to draw."""
    figure, (axes,) = style.canvas(title, style.COLUMN, 0.8)
    axes.text(0.5, 0.5, textwrap.fill(sentence, 48), ha="center", va="center")
    axes.set_axis_off()
    annotation = {"text": sentence, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5, "showarrow": False}
    hidden = {"visible": False}
    layout = style.plotly_layout(title, annotations=[annotation], xaxis=hidden, yaxis=hidden)
    return Figure(title, Drawn(figure), {"data": [], "layout": layout}, table)


def wrapped(text: str, width: int, end: str = "\n") -> str:
    """Text in lines of at most so many characters."""
    return end.join(textwrap.wrap(text, width))
