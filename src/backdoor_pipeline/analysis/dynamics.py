"""How fast the backdoor is learned, and why: losses, accuracies and gradients, epoch by epoch (B.6)."""

import pandas as pd

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import Line, Panel, line_figure, note
from backdoor_pipeline.analysis.sample_gradients import TOTAL

COLORS = {"clean": style.BLUE, "poisoned": style.VERMILION, "cross": style.ORANGE, TOTAL: style.BLACK}
PARTS = {  # column before "_loss" and "_accuracy": label, color, dash
    "clean_train": ("clean, train", style.BLUE, "-"),
    "poisoned_train": ("poisoned, train", style.VERMILION, "-"),
    "cross_train": ("cross, train", style.ORANGE, "-"),
    "clean_test": ("clean, test", style.BLUE, "--"),
    "poisoned_test": ("triggered, test", style.VERMILION, "--"),
}
PAIRS = {
    "total_clean": ("all, clean", style.BLUE, "--"),
    "total_poisoned": ("all, poisoned", style.VERMILION, "--"),
    "clean_poisoned": ("clean, poisoned", style.PURPLE, "-."),
}
UNWATCHED = "This training was not watched: add --params watch.forgetting:true to see it here."
NO_GRADIENTS = "No gradients were taken in this training: add --params watch.gradients:200 to see them here."


def learning_figure(epochs: pd.DataFrame, title: str) -> Figure:
    """Loss and accuracy of the clean and the poisoned part of the training set, and on both test sets.

    Those on training images are of the batches as they were trained on: means over the epoch, not at its end.

    Args:
        epochs: a row per epoch, with `epoch` and the columns of `PARTS` that there are; losses in nats,
            accuracies as fractions (of triggered test images: the ASR).
        title: names the experiment.
    """
    if not _any(epochs, [f"{part}_loss" for part in PARTS]):
        return note(title, UNWATCHED)
    at = epochs.set_index("epoch")
    looks = {part: look for part, look in PARTS.items() if f"{part}_loss" in at}
    losses = [Line(*look, at[f"{part}_loss"]) for part, look in looks.items()]
    rates = [Line(*look, 100 * at[f"{part}_accuracy"]) for part, look in looks.items()]
    panels = [
        Panel("epoch", "loss", losses, log=True),
        Panel("epoch", "answered as labeled (%)", rates, ylim=(-2, 102)),
    ]
    return line_figure(title, panels, epochs)


def gradient_figure(epochs: pd.DataFrame, title: str) -> Figure:
    """GSNR and norm of the gradients of all, clean and poisoned training images, and cosines between them.

    Args:
        epochs: a row per epoch, with `epoch`, `gradient_images` and the columns of `gradient_report`.
        title: names the experiment.
    """
    if not _any(epochs, [f"gsnr_{TOTAL}"]):
        return note(title, NO_GRADIENTS)
    at = epochs.set_index("epoch")
    kinds = [kind for kind in COLORS if f"gsnr_{kind}" in at]
    ratios, norms = ([_of_kind(at, name, kind) for kind in kinds] for name in ("gsnr", "norm"))
    floor = Line("pure noise", style.BLACK, ":", 1 / at["gradient_images"], marked=False)
    cosines = [Line(*look, at[f"cosine_{pair}"]) for pair, look in PAIRS.items() if f"cosine_{pair}" in at]
    panels = [
        Panel("epoch", "GSNR", [*ratios, floor], log=True),
        Panel("epoch", "norm of the mean gradient", norms, log=True),
        Panel("epoch", "cosine of mean gradients", cosines, ylim=(-1.05, 1.05)),
    ]
    return line_figure(title, panels, epochs)


def _of_kind(at: pd.DataFrame, name: str, kind: str) -> Line:
    """All images last and with gaps: mostly clean, they would lie under the line of those, or over it."""
    values = at[f"{name}_{kind}"]
    if kind == TOTAL:
        return Line("all", COLORS[kind], "--", values, marked=False)
    return Line(kind, COLORS[kind], "-", values)


def _any(epochs: pd.DataFrame, columns: list[str]) -> bool:
    return any(name in epochs and epochs[name].notna().any() for name in columns)
