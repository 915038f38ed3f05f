"""How a training went: the loss, and what the model learned of the task and of the backdoor."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

LOSS = {"loss": ("training loss", style.BLUE, "-")}
RATES = {
    "accuracy": ("training accuracy", style.BLUE, "-"),
    "clean_accuracy": ("clean test accuracy", style.GREEN, "--"),
    "asr": ("attack success rate", style.VERMILION, "-."),
}
DASHES = {"-": "solid", "--": "dash", "-.": "dashdot"}
MOST_MARKERS = 30  # evaluations whose points are marked: beyond, they would hide the line
Lines = dict[str, tuple[str, str, str]]


def training_curves(history: pd.DataFrame, title: str) -> Figure:
    """Loss, and accuracies with the attack success rate, per epoch.

    Args:
        history: a row per epoch, with `epoch`, `loss`, and where they were measured `accuracy`,
            `clean_accuracy` and `asr` (fractions; missing or NaN where they were not).
        title: names the experiment.

    Returns:
        The figure; its table is the history, other columns (such as `lr`) included.
    """
    return Figure(title, _draw(history, title), _plotly(history, title), history.reset_index(drop=True))


def _measured(history: pd.DataFrame, lines: Lines) -> Iterable[tuple[str, str, str, pd.Series]]:
    """The lines that have values: label, color, dash, and the values by epoch."""
    for column, (label, color, dash) in lines.items():
        if column in history:
            values = history.set_index("epoch")[column].dropna()
            if len(values):
                yield label, color, dash, values


@style.styled
def _draw(history: pd.DataFrame, title: str) -> Drawn:
    figure, (loss, rates) = style.canvas(title, style.PAGE, 2.4, columns=2)
    _panel(loss, history, LOSS, "training loss")
    _panel(rates, history, RATES, "percent of samples", percent=True)
    rates.set_ylim(-2, 102)
    if rates.lines:
        rates.legend(handlelength=2.8)
    return Drawn(figure)


def _panel(axes: Axes, history: pd.DataFrame, lines: Lines, ylabel: str, percent: bool = False) -> None:
    for label, color, dash, values in _measured(history, lines):
        marker = "o" if len(values) <= MOST_MARKERS else ""
        heights = values.to_numpy() * (100 if percent else 1)
        axes.plot(values.index.to_numpy(), heights, dash, color=color, marker=marker, label=label)
    axes.set(xlabel="epoch", ylabel=ylabel)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    first, last = history["epoch"].min(), history["epoch"].max()
    edge = max(0.5, 0.02 * (last - first))
    axes.set_xlim(first - edge, last + edge)
    axes.grid(axis="y")


def _plotly(history: pd.DataFrame, title: str) -> dict[str, Any]:
    traces = [
        *({**_trace(*line, axis=""), "showlegend": False} for line in _measured(history, LOSS)),
        *(_trace(*line, axis="2", factor=100) for line in _measured(history, RATES)),
    ]
    epochs = {"title": {"text": "epoch"}, "showgrid": False}
    layout = style.plotly_layout(
        title,
        xaxis={**epochs, "domain": [0, 0.44]},
        xaxis2={**epochs, "domain": [0.56, 1], "anchor": "y2"},
        yaxis={"title": {"text": "training loss"}},
        yaxis2={"title": {"text": "percent of samples"}, "anchor": "x2", "range": [-2, 102]},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": -0.2},
    )
    return {"data": traces, "layout": layout}


def _trace(
    label: str, color: str, dash: str, values: pd.Series, *, axis: str, factor: int = 1
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(values) <= MOST_MARKERS else "lines",
        "name": label,
        "x": values.index.tolist(),
        "y": (values * factor).tolist(),
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
        "line": {"color": color, "dash": DASHES[dash]},
    }
