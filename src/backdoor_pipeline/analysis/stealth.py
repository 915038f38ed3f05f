"""How visible the poison is, as a table."""

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.transforms import Bbox

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn
from backdoor_pipeline.analysis.figure import Figure

KINDS = {"": "triggered test images", "train_": "poisoned training images"}  # by their prefix in the metrics
MEASURES = {
    "psnr": ("PSNR (dB)", "{:.1f}"),
    "ssim": ("SSIM", "{:.3f}"),
    "l2": ("L2", "{:.2f}"),
    "linf": ("L∞", "{:.2f}"),
    "unchanged": ("unchanged", "{:.0%}"),
}

NO_ATTACK = "no attack: no image was changed"
NO_TWINS = "of imported images, what they looked like before is not known"

LIKE, LOUD = 0.99, 30.0  # an SSIM above and a PSNR below (dB) seem to contradict each other
WHY = (
    "Why SSIM is high where PSNR is low: SSIM is a mean over windows that stay inside the image. A small "
    "patch in a corner is in few of them, at their faint edge; PSNR counts every pixel alike."
)


def stealth_figure(metrics: Mapping[str, Any], title: str) -> Figure:
    """A row per kind of changed image, a column per distance from the clean version.

    Args:
        metrics: what the stage poison measured, see `metrics.stealth`; without them for no attack, and for
            somebody else's, which has a `target_class` like all attacks.
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
    remark = WHY if any(_contradict(row) for row in rows.values()) else ""
    if not rows:
        remark = NO_TWINS if "target_class" in metrics else NO_ATTACK
    return Figure(
        title, _draw(headings, cells, remark, title), _plotly(headings, cells, remark, title), table
    )


def _contradict(row: list[float | None]) -> bool:
    psnr, ssim, *_ = row
    return psnr is not None and ssim is not None and psnr < LOUD and ssim > LIKE


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


@style.styled
def _draw(headings: list[str], cells: Mapping[str, list[str]], remark: str, title: str) -> Drawn:
    lines = textwrap.wrap(remark, 100) if cells else []
    figure, (axes,) = style.canvas(title, style.PAGE, 0.25 * max(2, len(cells) + 1) + 0.17 * len(lines))
    axes.set_axis_off()
    if not cells:
        axes.text(0.5, 0.5, remark, ha="center", va="center")
        return Drawn(figure)
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
    if lines:
        text, start, down = "\n".join(lines), (0, 0), (0, -6)
        axes.annotate(text, start, down, "axes fraction", "offset points", va="top", fontsize=7)
    return Drawn(figure)


def _plotly(headings: list[str], cells: Mapping[str, list[str]], remark: str, title: str) -> dict[str, Any]:
    columns = [list(cells), *map(list, zip(*cells.values(), strict=True))]
    table = style.web_table(["images", *headings], columns)
    below = {
        **{"text": "<br>".join(textwrap.wrap(remark, 80)), "align": "left", "showarrow": False},
        **{"xref": "paper", "x": 0, "xanchor": "left"},
        **{"yref": "paper", "y": 1, "yanchor": "top", "yshift": -40 - 25 * len(cells)},  # below the rows
    }
    return {"data": [table], "layout": style.plotly_layout(title, annotations=[below] if remark else [])}
