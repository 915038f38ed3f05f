"""How a defense came to its result: its training, its search, whom it suspects, what it found."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.defense_panels import LOSS, SUSPICION, Lines, panels_of
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics

MOST_PICTURES, PER_ROW = 12, 3  # that can be told apart at a quarter of a page
CLASS = "class"  # the horizontal axis of defenses that look at every class
COLORS = (style.BLUE, style.GREEN, style.VERMILION, style.PURPLE, style.ORANGE, style.SKY, style.BLACK)
KIND_COLORS = {
    "clean": style.BLUE, "cross": style.ORANGE, "poisoned": style.VERMILION, "unknown": style.NEUTRAL,
}  # fmt: skip


def defense_figure(
    history: pd.DataFrame, suspicion: pd.DataFrame, kinds: NDArray[np.str_], shown: Diagnostics, title: str
) -> Figure:
    """One panel for each thing that the defense left: a history, a curve, scores, pictures.

    Args:
        history: a row per epoch of its main training, with `epoch` and `loss`; may be empty.
        suspicion: a row per training image, with `score` and `flagged`; may be empty.
        kinds: for each training image, in truth: `clean`, `poisoned`, `cross` or, if imported, `unknown`.
        shown: the defense's diagnostics.
        title: names the experiment.

    Returns:
        The figure; its table has `panel`, `series`, `x` and `y` of every point drawn as a line or a bar.
    """
    panels = panels_of(history, suspicion, kinds, shown)
    points = pd.DataFrame(
        [(panel, series, x, y) for panel, lines in panels.items() for series, (xs, ys) in lines.items()
         for x, y in zip(xs, ys, strict=True)],
        columns=["panel", "series", "x", "y"],
    )  # fmt: skip
    return Figure(title, _draw(panels, shown, title), _plotly(panels, shown.curve, title), points)


@style.styled
def _draw(panels: dict[str, Lines], shown: Diagnostics, title: str) -> Drawn:
    pictures = dict(list(shown.pictures.items())[:MOST_PICTURES])
    columns = len(panels) + bool(pictures)
    below = 0.15 * max(
        (len(lines) for name, lines in panels.items() if name not in (LOSS, SUSPICION)), default=0
    )
    width = style.PAGE if columns > 1 else style.COLUMN
    figure, all_axes = style.canvas(title, width, 2.3 + below, max(1, columns))
    for axes, (name, lines) in zip(all_axes, panels.items(), strict=False):
        _panel(axes, name, lines, shown)
    if pictures:
        _montage(all_axes[-1], pictures)
    if not columns:
        all_axes[0].text(0.5, 0.5, "this defense leaves nothing to show", ha="center", va="center")
        all_axes[0].set_axis_off()
    return Drawn(figure)


def _panel(axes: Axes, name: str, lines: Lines, shown: Diagnostics) -> None:
    axes.grid(axis="y")
    along, height = _named(name, lines, shown.curve)
    axes.set(xlabel=along, ylabel=height)
    if name == LOSS:
        for (phase, line), color in zip(lines.items(), cycle(COLORS), strict=False):
            axes.plot(*line, color=color, label=phase, marker="o" if len(line[0]) == 1 else "")
        if len(lines) > 1:
            axes.legend()
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    elif name == SUSPICION:
        for kind, (xs, ys) in lines.items():
            width = xs[1] - xs[0] if len(xs) > 1 else 1.0
            axes.bar(xs, ys, width, color=KIND_COLORS[kind], alpha=0.6, label=kind)
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend()
    elif shown.curve:
        _search_panel(axes, lines, shown.curve)


def _search_panel(axes: Axes, lines: Lines, curve: Curve) -> None:
    """Lines along a setting; classes, which have no order, as points."""
    mark: dict[str, Any] = {"linestyle": "none", "marker": "o"} if curve.x == CLASS else {}
    for (series, (xs, ys)), color in zip(lines.items(), cycle(COLORS), strict=False):
        axes.plot(xs, ys, color=color, label=_words(series) if len(lines) > 1 else None, **mark)
    if curve.chosen is not None:
        axes.axvline(curve.chosen, color=style.BLACK, linestyle=":", label="chosen")
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    if curve.x == CLASS:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    if len(lines) > 1 or curve.chosen is not None:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.27))  # within, its marks would be as points


def _words(name: str) -> str:
    return name.replace("_", " ")


def _montage(axes: Axes, pictures: Mapping[str, Tensor]) -> None:
    """The pictures in rows, each under its title."""
    height, width = next(iter(pictures.values())).shape[1:]
    for i, (name, picture) in enumerate(pictures.items()):
        left, top = (i % PER_ROW) * 1.1 * width, (i // PER_ROW) * 1.4 * height
        shades = picture.clamp(0, 1).permute(1, 2, 0).expand(-1, -1, 3).numpy()
        axes.imshow(shades, extent=(left, left + width, top + height, top), interpolation="nearest")
        axes.text(left + width / 2, top - 0.05 * height, name, ha="center", va="bottom", fontsize=5)
    rows = -(-len(pictures) // PER_ROW)
    axes.set_xlim(0, 1.1 * width * min(PER_ROW, len(pictures)))
    axes.set_ylim(1.4 * height * rows, -0.4 * height)
    axes.set_axis_off()


def _named(name: str, lines: Lines, curve: Curve | None) -> tuple[str, str]:
    """What is along the axes of a panel."""
    if name == LOSS:
        return "epoch", "loss of its training"
    if name == SUSPICION or curve is None:
        return "suspicion score", "share of each kind"
    return _words(curve.x), _words(next(iter(lines))) if len(lines) == 1 else ""


def _plotly(panels: dict[str, Lines], curve: Curve | None, title: str) -> dict[str, Any]:
    by_class = curve is not None and curve.x == CLASS
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for number, (name, lines) in enumerate(panels.items(), start=1):
        mode = "markers" if by_class and name not in (LOSS, SUSPICION) else "lines"
        along, height = _named(name, lines, curve)
        axes, place = style.plotly_panel(number, len(panels), along, height)
        layout |= axes
        for (series, (xs, ys)), color in zip(lines.items(), cycle(COLORS), strict=False):
            shade = {"color": style.web(KIND_COLORS.get(series, color))}
            look = {"type": "bar", "opacity": 0.6} if name == SUSPICION else {"type": "scatter", "mode": mode}
            traces.append({"name": series, "x": xs, "y": ys, "marker": shade, **look, **place})
    return {"data": traces, "layout": style.plotly_layout(title, barmode="overlay", **layout)}
