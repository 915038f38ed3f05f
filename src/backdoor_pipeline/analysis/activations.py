"""Neurons on clean and on triggered images: a backdoor shows as channels that only the trigger wakes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

COLORS = {"clean": style.BLUE, "triggered": style.VERMILION}


def activation_figure(features: Mapping[str, Mapping[str, Tensor]], title: str) -> Figure:
    """The mean activation of each channel of the features, the channels in the order of the clean one.

    Args:
        features: by the model's name, those of `clean` images and, unless there is no attack, of the same
            images `triggered`: float, (N, D).
        title: names the experiment.

    Returns:
        The figure; its table has a row per model and channel.
    """
    means = {
        model: {shown: one.double().mean(0) for shown, one in versions.items()}
        for model, versions in features.items()
    }
    table = pd.concat(
        [
            pd.DataFrame({"model": model, "channel": range(len(versions["clean"]))}).assign(
                **{shown: mean.numpy() for shown, mean in versions.items()}
            )
            for model, versions in means.items()
        ],
        ignore_index=True,
    )
    return Figure(title, _draw(means, title), _plotly(means, title), table)


@style.styled
def _draw(means: Mapping[str, Mapping[str, Tensor]], title: str) -> Drawn:
    width = style.PAGE if len(means) > 1 else style.COLUMN
    figure, all_axes = style.canvas(title, width, 2.4, columns=len(means))
    for axes, (model, versions) in zip(all_axes, means.items(), strict=True):
        _panel(axes, versions)
        axes.set_title(model)
        axes.sharey(all_axes[0])
    all_axes[-1].legend()
    return Drawn(figure)


def _panel(axes: Axes, versions: Mapping[str, Tensor]) -> None:
    order = _order(versions)
    ranks = np.arange(1, len(order) + 1)
    for shown, mean in versions.items():
        line = "-" if shown == "clean" else "."
        axes.plot(ranks, mean[order].numpy(), line, color=COLORS[shown], label=f"{shown} samples", zorder=2)
    axes.set(xlabel="channel, by its activation on clean samples", ylabel="mean activation")
    axes.grid(axis="y")


def _order(versions: Mapping[str, Tensor]) -> Tensor:
    return torch.argsort(versions["clean"], descending=True, stable=True)


def _plotly(means: Mapping[str, Mapping[str, Tensor]], title: str) -> dict[str, Any]:
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for number, (model, versions) in enumerate(means.items(), start=1):
        text = f"{model}: channel, by its activation on clean samples"
        axes, place = style.plotly_panel(number, len(means), text, "mean activation")
        layout |= axes
        order = _order(versions)
        traces += [
            {
                "type": "scatter",
                "mode": "lines" if shown == "clean" else "markers",
                "name": f"{shown} samples",
                "legendgroup": shown,
                "showlegend": number == 1,
                "x": list(range(1, len(order) + 1)),
                "y": mean[order].tolist(),
                "text": [f"channel {channel}" for channel in order.tolist()],
                "line": {"color": COLORS[shown]},
                "marker": {"color": COLORS[shown], "size": 5},
            }
            | place
            for shown, mean in versions.items()
        ]
    return {"data": traces, "layout": style.plotly_layout(title, **layout)}
