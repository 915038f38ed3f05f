"""What a defense left, as the numbers of a figure's panels."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics

Lines = dict[str, tuple[list[float], list[float]]]  # of every series, x and y

BINS = 50
KINDS = ("clean", "cross", "poisoned", "unknown")
LOSS, SEARCH, SUSPICION = "loss", "search", "suspicion"  # panels


def panels_of(
    history: pd.DataFrame, suspicion: pd.DataFrame, kinds: NDArray[np.str_], shown: Diagnostics
) -> dict[str, Lines]:
    """Name and lines of every panel; see `defense_figure` for the arguments."""
    panels: dict[str, Lines] = {}
    if "loss" in history and len(history):
        panels[LOSS] = _losses(history)
    if shown.curve:
        panels |= _search(shown.curve)
    if len(suspicion):
        panels[SUSPICION] = _histograms(suspicion["score"].to_numpy(), kinds)
    return panels


def _losses(history: pd.DataFrame) -> Lines:
    """Phases, which minimize different losses, apart."""
    if "phase" not in history:
        return {"loss": (history["epoch"].tolist(), history["loss"].tolist())}
    phases = history.groupby("phase")
    return {f"phase {n}": (one["epoch"].tolist(), one["loss"].tolist()) for n, one in phases}


def _search(curve: Curve) -> dict[str, Lines]:
    """Shares and accuracies together; what is larger, such as a number of channels, in a panel of its own."""
    along = [float(x) for x in curve.columns[curve.x]]
    panels: dict[str, Lines] = {}
    for name, ys in curve.columns.items():
        if name != curve.x:
            panel = SEARCH if all(abs(y) <= 1 for y in ys) else name
            panels.setdefault(panel, {})[name] = (along, [float(y) for y in ys])
    return panels


def _histograms(scores: NDArray[np.float64], kinds: NDArray[np.str_]) -> Lines:
    """The share of each kind's images in each bin of the score; the same bins for all."""
    edges = np.histogram_bin_edges(scores, BINS)
    middles = ((edges[:-1] + edges[1:]) / 2).tolist()
    lines: Lines = {}
    for kind in KINDS:
        if (kinds == kind).any():
            counts, _ = np.histogram(scores[kinds == kind], edges)
            lines[kind] = (middles, (counts / counts.sum()).tolist())
    return lines
