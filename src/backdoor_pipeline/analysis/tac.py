"""Trigger activation change: which channels answer to the trigger (Zheng et al., 2022)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.stages import forward_with_stages
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.hosting import hosted

BATCH = 64  # pairs of images at a time
MOST_PANELS = 4  # that are legible at the width of a page: the last stages
MARKS = (
    ("-", style.BLUE),
    (".", style.ORANGE),
)  # of the first model, by which channels are sorted; the second
Changes = Mapping[str, Tensor]


def activation_change(
    trainer: Trainer, model: Classifier, clean: Tensor, triggered: Tensor
) -> dict[str, Tensor]:
    """By how much the trigger changes each channel: the L2 norm over its map, mean over the images.

    Args:
        trainer: the engine.
        model: left where and as it was.
        clean: uint8, (N, C, H, W).
        triggered: the same images with the trigger.

    Returns:
        Of every spatial stage, by the size of its maps, and of the features before the head: float64, (C,).
    """
    sums: dict[str, Tensor] = {}
    with hosted(model, trainer.device, training=False), torch.inference_mode():
        for pair in zip(clean.split(BATCH), triggered.split(BATCH), strict=True):
            seen = _activations(model, torch.cat(pair).to(trainer.device).float() / 255)
            for name, activation in seen.items():
                before, after = activation.double().chunk(2)
                norms = (after - before).flatten(2).norm(dim=2).sum(0).cpu()
                sums[name] = sums.get(name, 0) + norms
    return {name: total / len(clean) for name, total in sums.items()}


def _activations(model: Classifier, images: Tensor) -> dict[str, Tensor]:
    """In single precision, whatever the engine's: small changes would drown in that of bf16."""
    features: list[Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    try:
        _, stages = forward_with_stages(model, images)
    finally:
        hook.remove()
    named = {"{}×{} maps".format(*stage.shape[2:]): stage for stage in stages}
    return {**named, "features": features[0][..., None]}


def tac_figure(changes: Mapping[str, Changes], title: str) -> Figure:
    """A panel per stage: every channel's change, in the order that it has in the first model.

    Args:
        changes: by the model's name, what `activation_change` found; empty if there is no trigger.
        title: names the experiment.

    Returns:
        The figure, of the last stages; its table has a row per model, stage and channel of all.
    """
    table = pd.DataFrame(
        [
            (model, stage, channel, value)
            for model, stages in changes.items()
            for stage, values in stages.items()
            for channel, value in enumerate(values.tolist())
        ],
        columns=["model", "stage", "channel", "change"],
    )
    return Figure(title, _draw(changes, title), _plotly(changes, title), table)


def _panels(changes: Mapping[str, Changes]) -> dict[str, dict[str, Tensor]]:
    """The values of each model by stage, sorted by the first model's; the last stages alone."""
    if not changes:
        return {}
    first = next(iter(changes.values()))
    orders = {stage: values.argsort(descending=True, stable=True) for stage, values in first.items()}
    return {
        stage: {model: stages[stage][order] for model, stages in changes.items()}
        for stage, order in list(orders.items())[-MOST_PANELS:]
    }


@style.styled
def _draw(changes: Mapping[str, Changes], title: str) -> Drawn:
    panels = _panels(changes)
    columns = max(1, len(panels))
    figure, all_axes = style.canvas(title, style.PAGE if columns > 2 else style.COLUMN, 1.9, columns)
    for axes, (stage, lines) in zip(all_axes, panels.items(), strict=False):
        _panel(axes, lines)
        axes.set_title(stage)
    if not panels:
        all_axes[0].text(0.5, 0.5, "no attack: there is no trigger to answer to", ha="center", va="center")
        all_axes[0].set_axis_off()
        return Drawn(figure)
    all_axes[0].set_ylabel("change by the trigger")
    figure.supxlabel(f"channel, by its change ({next(iter(changes))})", fontsize=8)
    handles, labels = all_axes[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=len(handles))
    return Drawn(figure)


def _panel(axes: Axes, lines: Mapping[str, Tensor]) -> None:
    for (mark, color), (model, values) in zip(MARKS, lines.items(), strict=False):
        axes.plot(
            np.arange(1, len(values) + 1), values.numpy(), mark, color=color, label=model, markersize=2.5
        )
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y")


def _plotly(changes: Mapping[str, Changes], title: str) -> dict[str, Any]:
    panels = _panels(changes)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for number, (stage, lines) in enumerate(panels.items(), start=1):
        y = "change by the trigger" if number == 1 else ""
        axes, place = style.plotly_panel(number, len(panels), f"{stage}: channel", y)
        layout |= axes
        traces += [
            {
                "type": "scatter",
                "mode": "lines" if mark == "-" else "markers",
                "name": model,
                "legendgroup": model,
                "showlegend": number == 1,
                "x": list(range(1, len(values) + 1)),
                "y": values.tolist(),
                "line": {"color": color},
                "marker": {"color": color, "size": 4},
            }
            | place
            for (mark, color), (model, values) in zip(MARKS, lines.items(), strict=False)
        ]
    return {"data": traces, "layout": style.plotly_layout(title, **layout)}
