"""What a trigger looks like: clean images above triggered ones above the difference between them."""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.sheet import NAMES, Sheet

MOST_COLUMNS = 10  # of images that can still be read at the width of a page
FACTORS = (20, 10, 5, 2, 1)
TIMES = "\N{MULTIPLICATION SIGN}"


def sample_sheet(
    clean: Tensor,
    triggered: Tensor,
    true_labels: Tensor,
    given_labels: Tensor,
    classes: Sequence[str],
    title: str,
) -> Figure:
    """Pairs of images as columns: clean, triggered, and their amplified difference on mid gray.

    Args:
        clean: uint8, (n, C, H, W), C of 1 or 3, n of 1 to 10.
        triggered: uint8, (n, C, H, W), the same images with the trigger.
        true_labels: int64, (n,).
        given_labels: int64, (n,), the label in the poisoned set, or the target label of a test image.
        classes: the K class names.
        title: names the experiment.

    Returns:
        The sheet; its table has a row per column: the labels, the share of pixels changed, by how much
        (0..255).

    Raises:
        ValueError: the images do not pair up, or are none or too many.
    """
    if clean.shape != triggered.shape or not 1 <= len(clean) <= MOST_COLUMNS:
        shapes = f"{tuple(clean.shape)} and {tuple(triggered.shape)}"
        raise ValueError(f"1 to {MOST_COLUMNS} pairs of images fit a sheet, not {shapes}")
    clean, triggered = clean.cpu(), triggered.cpu()
    change = triggered.int() - clean.int()
    factor = amplification(change)
    difference = (128 + factor * change).clamp(0, 255).to(torch.uint8)
    true, given = ([classes[label] for label in labels.tolist()] for labels in (true_labels, given_labels))
    columns = [_column_title(*names) for names in zip(true, given, strict=True)]
    rows = ["clean", "triggered", f"difference\n({TIMES}{factor})"]
    sheet = Sheet(torch.stack([clean, triggered, difference]), rows, columns)
    return _figure(title, sheet, _table(change, true, given))


def clean_sheet(images: Tensor, labels: Tensor, classes: Sequence[str], title: str) -> Figure:
    """Images that no trigger has touched, in one row.

    Args:
        images: uint8, (n, C, H, W), C of 1 or 3, n of 1 to 10.
        labels: int64, (n,).
        classes: the K class names.
        title: names the experiment.

    Returns:
        The sheet; its table has the `true_label` of each column.
    """
    names = [classes[label] for label in labels.tolist()]
    sheet = Sheet(images.cpu()[None], ["clean"], [_column_title(name, name) for name in names])
    return _figure(title, sheet, pd.DataFrame({"true_label": names}))


def _figure(title: str, sheet: Sheet, table: pd.DataFrame) -> Figure:
    width = min(style.PAGE, NAMES + 0.8 * len(sheet.columns))
    return Figure(title, sheet.draw(title, width), sheet.plotly(title), table)


def amplification(change: Tensor) -> int:
    """The largest round factor at which nineteen in twenty of the changed values stay on the gray scale.

    Args:
        change: int, (n, C, H, W), -255..255.
    """
    changed = change.abs()[change != 0].float().numpy()
    if not changed.size:
        return 1
    typical = np.quantile(changed, 0.95)
    return next((factor for factor in FACTORS if factor * typical <= 127), 1)


def _table(change: Tensor, true: list[str], given: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "true_label": true,
            "given_label": given,
            "changed_pixels": (change != 0).any(dim=1).double().mean(dim=(1, 2)).tolist(),
            "mean_change": change.abs().double().mean(dim=(1, 2, 3)).tolist(),
            "largest_change": change.abs().amax(dim=(1, 2, 3)).tolist(),
        }
    )


def _column_title(true: str, given: str) -> str:
    names = [true] if true == given else [true, f"→ {given}"]
    return "\n".join(textwrap.fill(name, 12, max_lines=2, placeholder=" …") for name in names)
