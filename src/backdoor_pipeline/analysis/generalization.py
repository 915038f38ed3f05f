"""Does a backdoor open to weaker and stronger triggers than the one it was trained with (B.8)?"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import Line, Panel, line_figure, note
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.metrics.accuracy import attack_success_rate, robust_accuracy
from backdoor_pipeline.training import Trainer

COLUMNS = ("strength_of", "trained", "strength", "model", "images", "asr", "robust_accuracy")
BEFORE, AFTER = "before", "after"  # the defense
SAME = 1e-3  # relative difference below which two strengths are one
LOOKS = {BEFORE: ("before defense", style.VERMILION, "-"), AFTER: ("after defense", style.BLUE, "--")}


def strengths_to_test(trigger: Trigger) -> list[float]:
    """The values at which all such triggers are tested, and its own, ascending; none without a strength."""
    if trigger.strengths is None:
        return []
    own = trigger.own_strength()
    others = [value for value in trigger.strengths.tested if abs(value - own) > SAME * own]
    return sorted([own, *others])


@torch.no_grad()
def strength_rows(
    trainer: Trainer,
    models: dict[str, nn.Module],
    trigger: Trigger,
    images: Tensor,
    targets: Tensor,
    true_labels: Tensor,
) -> pd.DataFrame:
    """What the models answer to test images that carry the trigger at other strengths.

    Args:
        trainer: the engine.
        models: by when, `before` and perhaps `after` the defense.
        trigger: as the attack crafted it.
        images: clean, uint8, (N, C, H, W).
        targets: the label that the attacker wants for each, int64, (N,).
        true_labels: int64, (N,).

    Returns:
        A row per strength and model: `strength_of` (the label of what is varied), `trained` (the trigger's
        own strength), `strength` (that tested), `model`, `images` (how many), `asr` and `robust_accuracy`.
    """
    rows = []
    for value in strengths_to_test(trigger):
        changed = trigger if value == trigger.own_strength() else trigger.at_strength(value)
        stamped = changed.to(trainer.device)(images.to(trainer.device)).cpu()
        changed.cpu()
        for when, model in models.items():
            predicted = trainer.predict(model, stamped)
            rates = [rate(predicted, targets, true_labels) for rate in (attack_success_rate, robust_accuracy)]
            label = trigger.strengths.label if trigger.strengths else ""
            rows.append((label, trigger.own_strength(), value, when, len(images), *rates))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def generalization_figure(rows: pd.DataFrame, title: str) -> Figure:
    """ASR against the strength at test, before and after the defense; the strength in training is marked.

    Args:
        rows: see `strength_rows`; of one experiment. Empty if its trigger has no strength.
        title: names the experiment.
    """
    if rows.empty:
        return note(title, "No one number makes the trigger of this attack weaker or stronger.")
    lines = [
        Line(*look, 100 * mine.set_index("strength")["asr"])
        for when, look in LOOKS.items()
        if len(mine := rows[rows["model"] == when])
    ]
    panel = Panel(
        f"{rows['strength_of'].iloc[0]} at test",
        "attack success rate (%)",
        lines,
        ylim=(-2, 102),
        whole=False,
        mark=(float(rows["trained"].iloc[0]), "in training"),
    )
    return line_figure(title, [panel], rows)


def generalization_matrix(rows: pd.DataFrame) -> pd.DataFrame:
    """Experiments that differ in the trained strength, laid out as strength in training x strength at test.

    Args:
        rows: those of `strength_rows`, of several experiments with one kind of trigger, alike but for its
            strength and for the seed; chosen to one `model`.

    Returns:
        A row per pair that was measured: `trained`, `strength`, `asr` (mean over the experiments), `asr_std`
        (standard deviation, NaN of one) and `experiments`.
    """
    rounded = rows.assign(trained=rows["trained"].round(4), strength=rows["strength"].round(4))
    groups = rounded.groupby(["trained", "strength"])["asr"]
    table: pd.DataFrame = groups.agg(asr="mean", asr_std="std", experiments="count").reset_index()
    return table[table["experiments"] > 0].reset_index(drop=True)


def matrix_figure(rows: pd.DataFrame, title: str) -> Figure:
    """The matrix of `generalization_matrix` as a heat map, the trained strengths marked by a frame.

    Args:
        rows: see `generalization_matrix`.
        title: names the experiments.
    """
    table = generalization_matrix(rows)
    if table.empty:
        return note(title, "No experiment here has a trigger that one number makes weaker or stronger.")
    at = {"index": "trained", "columns": "strength"}
    grid, spread = (100 * table.pivot(**at, values=name) for name in ("asr", "asr_std"))
    label = str(rows["strength_of"].iloc[0])
    return Figure(title, _draw_matrix(grid, spread, label, title), _plotly_matrix(grid, label, title), table)


@style.styled
def _draw_matrix(grid: pd.DataFrame, spread: pd.DataFrame, label: str, title: str) -> bytes:
    width = style.COLUMN if grid.shape[1] <= 6 else style.PAGE
    figure, (axes,) = style.canvas(title, width, 0.8 + 0.32 * len(grid))
    heights, spreads = grid.to_numpy(dtype=float), spread.to_numpy(dtype=float)
    shown = np.ma.masked_invalid(heights)
    axes.pcolormesh(shown, cmap="cividis", vmin=0, vmax=100, edgecolors="white", linewidth=1)
    axes.set_facecolor(style.MISSING)
    for (row, column), value in np.ndenumerate(heights):
        if np.isnan(value):
            continue
        words = f"{value:.0f}" + ("" if np.isnan(spreads[row, column]) else f" ± {spreads[row, column]:.0f}")
        color = "white" if value < 55 else "black"
        axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", color=color)
        if grid.index[row] == grid.columns[column]:
            corner = (column, row)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.VERMILION, linewidth=1.6))
    axes.set(xlabel=f"{label} at test", ylabel="in training")
    axes.set_xticks(np.arange(grid.shape[1]) + 0.5, [f"{one:g}" for one in grid.columns])
    axes.set_yticks(np.arange(len(grid)) + 0.5, [f"{one:g}" for one in grid.index])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return style.png(figure)


def _plotly_matrix(grid: pd.DataFrame, label: str, title: str) -> dict[str, Any]:
    heights = [[None if np.isnan(value) else float(value) for value in row] for row in grid.to_numpy()]
    trace = {
        "type": "heatmap",
        "x": [f"{one:g}" for one in grid.columns],
        "y": [f"{one:g}" for one in grid.index],
        "z": heights,
        "zmin": 0,
        "zmax": 100,
        "colorscale": "Cividis",
        "colorbar": {"title": {"text": "ASR (%)"}},
        "texttemplate": "%{z:.0f}",
    }
    axes = {"type": "category"}
    layout = style.plotly_layout(
        title,
        xaxis={**axes, "title": {"text": f"{label} at test"}},
        yaxis={**axes, "title": {"text": "in training"}},
    )
    return {"data": [trace], "layout": layout}
