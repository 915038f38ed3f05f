"""Which classes a model takes for which: a backdoor shows as a column of its target."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from numpy.typing import NDArray
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

MOST_NUMBERS = 20  # classes whose cells still have room for a number
MOST_NAMES = 50  # class names that can be read along a side; beyond, every so many
MOST_WEB_NAMES = 30
Shares = NDArray[np.float64]


def confusion(true: Tensor, predicted: Tensor, classes: Sequence[str], title: str) -> Figure:
    """The share of each true class (rows) that the model puts into each class (columns).

    Args:
        true: int64, (N,).
        predicted: int64, (N,).
        classes: the K class names.
        title: names the experiment.

    Returns:
        The matrix; its table has a row per pair of classes that occurs. A class without images is gray.

    Raises:
        ValueError: the lengths differ.
    """
    if true.shape != predicted.shape:
        raise ValueError(f"{len(true)} true labels but {len(predicted)} predicted ones")
    names = _distinct(classes)
    counts = torch.bincount(true.cpu() * len(names) + predicted.cpu(), minlength=len(names) ** 2)
    matrix = counts.view(len(names), len(names)).numpy()
    images = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, images, out=np.full(matrix.shape, np.nan), where=images > 0)
    rows, columns = matrix.nonzero()
    table = pd.DataFrame(
        {
            "true": [names[row] for row in rows],
            "predicted": [names[column] for column in columns],
            "images": matrix[rows, columns],
            "share": shares[rows, columns],
        }
    )
    return Figure(title, _draw(shares, names, title), _plotly(shares, names, title), table)


def _distinct(classes: Sequence[str]) -> list[str]:
    """The class names, numbered where one occurs twice (ImageNet has two cranes)."""
    times = Counter(classes)
    return [name if times[name] == 1 else f"{name} ({index})" for index, name in enumerate(classes)]


@style.styled
def _draw(shares: Shares, names: list[str], title: str) -> Drawn:
    width = style.COLUMN if len(names) <= 10 else style.PAGE
    figure, (axes,) = style.canvas(title, width, width * 0.9)
    colors = mpl.colormaps["Blues"].with_extremes(bad=style.MISSING)
    picture = axes.imshow(100 * shares, cmap=colors, vmin=0, vmax=100, interpolation="nearest")
    _name_sides(axes, names)
    if len(names) <= MOST_NUMBERS:
        _write_numbers(axes, shares)
    bar = figure.colorbar(picture, ax=axes, shrink=0.7, aspect=30)
    bar.set_label("percent of the true class")
    bar.outline.set_visible(False)
    return Drawn(figure)


def _shortened(names: list[str]) -> list[str]:
    return [name if len(name) <= 24 else name[:23].rstrip() + "…" for name in names]


def _name_sides(axes: Axes, names: list[str]) -> None:
    step = -(-len(names) // MOST_NAMES)
    shown = _shortened(names[::step])
    size = 7 if len(names) <= MOST_NUMBERS else 6
    axes.set_xticks(range(0, len(names), step), shown, rotation=90, fontsize=size)
    axes.set_yticks(range(0, len(names), step), shown, fontsize=size)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.tick_params(length=2 if step > 1 else 0)
    axes.spines[:].set_visible(False)


def _write_numbers(axes: Axes, shares: Shares) -> None:
    """Rounded percent, wherever that is not 0."""
    for row, column in np.argwhere(shares > 0.005):
        share = shares[row, column]
        color = "white" if share > 0.55 else "black"
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6, color=color)


def _plotly(shares: Shares, names: list[str], title: str) -> dict[str, Any]:
    percent = (100 * shares).round(2).astype(object)
    percent[np.isnan(shares)] = None  # JSON has no NaN
    heatmap = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": percent.tolist(),
        "zmin": 0,
        "zmax": 100,
        "colorscale": style.web_scale("Blues"),
        "colorbar": {"title": {"text": "percent of<br>the true class"}},
        "hovertemplate": "true %{y}<br>predicted %{x}<br>%{z} %<extra></extra>",
        "hoverongaps": False,
    }
    named = names[:: -(-len(names) // MOST_WEB_NAMES)]
    ticks = {"tickmode": "array", "tickvals": named, "ticktext": _shortened(named)}
    category = {"type": "category", "showgrid": False, "automargin": True, **ticks}
    layout = style.plotly_layout(
        title,
        plot_bgcolor=style.MISSING,
        xaxis={**category, "title": {"text": "predicted class"}, "constrain": "domain"},
        yaxis={
            **category,
            "title": {"text": "true class"},
            "autorange": "reversed",
            "scaleanchor": "x",
            "constrain": "domain",
        },
    )
    return {"data": [heatmap], "layout": layout}
