"""The one look of every figure: colors, sizes, fonts. Drawn with matplotlib's objects, without pyplot."""

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogFormatter

# Okabe & Ito (2008): told apart with every kind of color blindness; their yellow is too pale for a line
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = PALETTE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
MISSING = "#DDDDDD"
NEUTRAL, FAINT, CLEAR = (
    "#808080",
    "rgba(128, 128, 128, 0.3)",
    "rgba(0, 0, 0, 0)",
)  # on light and dark pages alike

COLUMN, PAGE = 3.5, 7.0  # inches: one column of a two-column paper, and both
DPI = 200

styled = mpl.rc_context(
    {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same picture on every machine
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "figure.titlesize": 9,
        "pdf.fonttype": 42,  # TrueType: journals refuse matplotlib's usual Type 3
        "svg.hashsalt": "backdoor_pipeline",  # or ids differ each time
        "text.parse_math": False,  # a name with two $ is no formula
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.grid": False,
        "axes.axisbelow": True,
        "grid.color": "#E5E5E5",
        "grid.linewidth": 0.5,
        "lines.linewidth": 1.4,
        "lines.markersize": 3.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
    }
)
"""Decorates a function that draws, so that all it draws has this look."""


class Decades(LogFormatter):
    """Labels of a logarithmic axis, such as 0.01 and 1e-05; matplotlib's usual ones are formulas."""

    def _num_to_string(self, x: float, *_: float) -> str:
        return f"{x:g}"


def logarithmic(axis: Axis) -> None:
    """Label a logarithmic axis."""
    axis.set_major_formatter(Decades())
    axis.set_minor_formatter(Decades(labelOnlyBase=False, minor_thresholds=(1, 0.4)))


def canvas(title: str, width: float, height: float, columns: int = 1) -> tuple[Canvas, list[Axes]]:
    """An empty figure with its title and one row of axes.

    Args:
        title: wrapped to the width; in a column what is before its colon has a line of its own, so that
            figures of one experiment align side by side.
        width: inches, `COLUMN` or `PAGE`.
        height: inches below the title, which gets the room that its lines need.
        columns: how many axes.
    """
    head, colon, rest = title.partition(": ") if width < PAGE else (title, "", "")
    fitting = int(width * 14)  # characters that fit one inch at 9 points
    lines = [*wrapped(head + colon.strip(), fitting), *wrapped(rest, fitting)]
    figure = Canvas(figsize=(width, height + 0.17 * len(lines)), dpi=DPI, layout="compressed")
    figure.suptitle("\n".join(lines))
    axes = figure.subplots(1, columns, squeeze=False)
    return figure, list(axes[0])


def wrapped(text: str, width: int) -> list[str]:
    """As few lines as fit the width (in characters), and about equally long ones.

    >>> wrapped("Defense ft: digits, seed 0", 24)
    ['Defense ft:', 'digits, seed 0']
    """
    lines = textwrap.wrap(text, width)
    for narrower in range(width - 1, 0, -1):
        evener = textwrap.wrap(text, narrower, break_long_words=False)
        if len(evener) > len(lines) or any(len(line) > narrower for line in evener):
            break
        lines = evener
    return lines


WEB_AXIS = {"gridcolor": FAINT, "linecolor": FAINT, "tickcolor": FAINT, "zeroline": False}


def plotly_layout(title: str, **parts: Any) -> dict[str, Any]:
    """A plotly layout in this look: on whatever ground, in the colors that the page gives its texts.

    Args:
        title: wrapped.
        parts: what the figure adds, such as `xaxis` and `yaxis`, which get their lines.
    """
    lines = wrapped(title, 60)
    axes = {name: WEB_AXIS | axis for name, axis in parts.items() if name.startswith(("xaxis", "yaxis"))}
    return {
        "title": {"text": "<br>".join(lines), "x": 0.5, "font": {"size": 15}},
        "font": {"family": "sans-serif", "size": 11},
        "plot_bgcolor": CLEAR,
        "paper_bgcolor": CLEAR,
        "margin": {"t": 40 + 20 * len(lines), "r": 20, "b": 60, "l": 70},
        **parts,
        **axes,
    }


def web(color: str) -> str:
    """A color of print as it is seen on light and dark pages alike."""
    return NEUTRAL if color == BLACK else color


def web_scale(colors: str) -> list[tuple[float, str]]:
    """Matplotlib's colors for plotly, which knows few of them, and some under other names."""
    scale, steps = mpl.colormaps[colors], 8
    return [(step / steps, mpl.colors.to_hex(scale(step / steps))) for step in range(steps + 1)]


def web_table(headings: Sequence[str], columns: Sequence[Sequence[str]], **parts: Any) -> dict[str, Any]:
    """A plotly table; what is not said here, its texts' color for one, is the page's."""
    look = {"align": "left", "fill": {"color": CLEAR}, "line": {"color": FAINT}}
    return {
        "type": "table",
        "header": {"values": list(headings), **look},
        "cells": {"values": list(columns), **look},
        **parts,
    }


def plotly_panel(number: int, count: int, x: str, y: str) -> tuple[dict[str, Any], dict[str, str]]:
    """One of several panels side by side.

    Args:
        number: from 1.
        count: how many there are.
        x: what is along the horizontal axis.
        y: and along the vertical one.

    Returns:
        The axes for the layout, and what puts a trace on them.
    """
    suffix = "" if number == 1 else str(number)
    start, width = (number - 1) / count, (1 if count == 1 else 0.85) / count
    layout = {
        f"xaxis{suffix}": {
            "domain": [start, start + width],
            "anchor": f"y{suffix}",
            "title": {"text": x},
            "showgrid": False,
        },
        f"yaxis{suffix}": {
            "anchor": f"x{suffix}",
            "title": {"text": y},
        },
    }
    return layout, {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
