"""What a trigger looks like: clean images above triggered ones above the difference between them."""

import base64
import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.figure import Figure

MOST_COLUMNS = 10  # of images that can still be read at the width of a page
FACTORS = (20, 10, 5, 2, 1)
FRAME = 192  # gray around the images: black, white and unchanged (128) corners all stand out from it
TIMES = "\N{MULTIPLICATION SIGN}"
BROWSER_BYTES = 200_000  # of PNG, a third more as text
Pixels = NDArray[np.uint8]


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
    sheet = _grid(torch.stack([clean, triggered, difference]))
    true, given = ([classes[label] for label in labels.tolist()] for labels in (true_labels, given_labels))
    columns = [_column_title(*names) for names in zip(true, given, strict=True)]
    rows = ["clean", "triggered", f"difference\n({TIMES}{factor})"]
    table = _table(change, true, given)
    return Figure(title, _draw(sheet, columns, rows, title), _plotly(sheet, columns, rows, title), table)


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


def _grid(rows: Tensor) -> Pixels:
    """Lay (rows, columns, C, H, W) out as one RGB picture, a gray line around every image."""
    line = max(1, rows.shape[-2] // 32)
    framed = torch.nn.functional.pad(rows, (line, line, line, line), value=FRAME)
    sheet = framed.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return sheet.expand(-1, -1, 3).numpy()


def _column_title(true: str, given: str) -> str:
    names = [true] if true == given else [true, f"→ {given}"]
    return "\n".join(textwrap.fill(name, 12, max_lines=2, placeholder=" …") for name in names)


def _centers(extent: int, parts: int) -> list[float]:
    """Where the middle of each of `parts` equal cells lies, in pixels."""
    return [(part + 0.5) * extent / parts - 0.5 for part in range(parts)]


@style.styled
def _draw(sheet: Pixels, columns: list[str], rows: list[str], title: str) -> bytes:
    height, width = sheet.shape[:2]
    page = min(style.PAGE, 0.8 + 0.8 * len(columns))
    text = 0.12 * max(column.count("\n") + 1 for column in columns)
    figure, (axes,) = style.canvas(title, page, (page - 0.8) * height / width + text + 0.1)
    axes.imshow(sheet, interpolation="nearest")
    axes.set_xticks(_centers(width, len(columns)), columns)
    axes.set_yticks(_centers(height, len(rows)), rows)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    return style.png(figure)


def _plotly(sheet: Pixels, columns: list[str], rows: list[str], title: str) -> dict[str, Any]:
    height, width = sheet.shape[:2]
    source, scale = _data_uri(sheet)
    image = {"type": "image", "source": source, "dx": scale, "dy": scale, "hoverinfo": "skip"}
    bare = {"showgrid": False, "zeroline": False, "showline": False, "ticks": ""}
    x = {"tickvals": _centers(width, len(columns)), "ticktext": [c.replace("\n", "<br>") for c in columns]}
    y = {"tickvals": _centers(height, len(rows)), "ticktext": [r.replace("\n", "<br>") for r in rows]}
    layout = style.plotly_layout(
        title,
        xaxis={**bare, **x, "side": "top", "range": [-0.5, width - 0.5], "constrain": "domain"},
        yaxis={**bare, **y, "range": [height - 0.5, -0.5], "scaleanchor": "x", "constrain": "domain"},
    )
    return {"data": [image], "layout": layout}


def _data_uri(sheet: Pixels) -> tuple[str, float]:
    """The sheet as a PNG data URI, shrunk until it is small enough for a browser, and by how much."""
    picture = Image.fromarray(sheet)
    for scale in (1, 1.5, 2, 3, 4, 6, 8):
        size = (round(picture.width / scale), round(picture.height / scale))
        buffer = io.BytesIO()
        picture.resize(size, Image.Resampling.BOX).save(buffer, format="png", optimize=True)
        if buffer.tell() <= BROWSER_BYTES:
            break
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(), sheet.shape[1] / size[0]
