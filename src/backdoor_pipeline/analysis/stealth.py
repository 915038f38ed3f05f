"""How visible the poison is, as a table."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.transforms import Bbox

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure

KINDS = {"": "triggered test images", "train_": "poisoned training images"}  # by their prefix in the metrics
MEASURES = {
    "psnr": ("PSNR (dB)", "{:.1f}"),
    "ssim": ("SSIM", "{:.3f}"),
    "l2": ("L2", "{:.2f}"),
    "linf": ("L∞", "{:.2f}"),
    "unchanged": ("unchanged", "{:.0%}"),
}


def stealth_figure(metrics: Mapping[str, Any], title: str) -> Figure:
    """A row per kind of changed image, a column per distance from the clean version.

    Args:
        metrics: what the stage poison measured, see `metrics.stealth`; without them for no attack.
        title: names the experiment.

    Returns:
        The figure; its table holds the same numbers, not rounded.
    """
    rows = {
        kind: [metrics[prefix + name] for name in MEASURES]
        for prefix, kind in KINDS.items()
        if prefix + "ssim" in metrics
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(MEASURES))
    table = table.rename_axis("images").reset_index()
    headings = [heading for heading, _ in MEASURES.values()]
    cells = {
        kind: [_cell(value, form) for value, (_, form) in zip(values, MEASURES.values(), strict=True)]
        for kind, values in rows.items()
    }
    return Figure(title, _draw(headings, cells, title), _plotly(headings, cells, title), table)


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


@style.styled
def _draw(headings: list[str], cells: Mapping[str, list[str]], title: str) -> bytes:
    figure, (axes,) = style.canvas(title, style.PAGE, 0.25 * max(2, len(cells) + 1))
    axes.set_axis_off()
    if not cells:
        axes.text(0.5, 0.5, "no attack: no image was changed", ha="center", va="center")
        return style.png(figure)
    table = axes.table(
        cellText=list(cells.values()),
        rowLabels=list(cells),
        colLabels=headings,
        cellLoc="center",
        edges="horizontal",
        bbox=Bbox.unit(),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    for cell in table.get_celld().values():
        cell.set_linewidth(0.5)
    return style.png(figure)


def _plotly(headings: list[str], cells: Mapping[str, list[str]], title: str) -> dict[str, Any]:
    columns = [list(cells), *map(list, zip(*cells.values(), strict=True))]
    table = {
        "type": "table",
        "header": {"values": ["images", *headings], "align": "left"},
        "cells": {"values": columns, "align": "left"},
    }
    return {"data": [table], "layout": style.plotly_layout(title)}
