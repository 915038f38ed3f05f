"""Pictures of one size laid out in rows and columns with their names, for print and for the browser."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.analysis import style
from backdoor_pipeline.analysis.drawn import Drawn

FRAME = 192  # gray around the images: black, white and unchanged (128) corners all stand out from it
BROWSER_BYTES = 200_000  # of PNG, a third more as text
NAMES = 0.8  # inches for the names of the rows
CAPTION = 0.2  # of an image's height, for what stands below it
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class ColorBar:
    """What colors mean.

    Attributes:
        colors: matplotlib's name of the scale.
        label: what is measured.
        ends: the values at its ends.
        extended: whether some values lie beyond them, in the colors of the ends.
    """

    colors: str
    label: str
    ends: tuple[float, float]
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pictures in rows and columns.

    Attributes:
        tiles: uint8, (rows, columns, C, H, W), C of 1 or 3.
        rows: their names.
        columns: their names.
        captions: for each row, what stands below each picture; empty for no captions at all.
        bar: beside the sheet, if any.
    """

    tiles: Tensor
    rows: Sequence[str]
    columns: Sequence[str]
    captions: Sequence[Sequence[str]] = ()
    bar: ColorBar | None = None

    def pixels(self) -> Pixels:
        """One RGB picture: a gray line around every tile, a white strip below it where there are captions."""
        height = self.tiles.shape[-2]
        line = max(1, height // 32)
        strip = round(CAPTION * height) if self.captions else 0
        framed = F.pad(F.pad(self.tiles, (line,) * 4, value=FRAME), (0, 0, 0, strip), value=255)
        sheet = framed.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
        return sheet.expand(-1, -1, 3).numpy()

    def middles(self) -> tuple[list[float], list[float], list[float]]:
        """In pixels: the x of each column's middle, the y of each row's pictures', and of its captions'."""
        rows, columns, _, height, width = self.tiles.shape
        line = 2 * max(1, height // 32)
        strip = round(CAPTION * height) if self.captions else 0
        tall, wide = height + line, width + line
        xs = [(column + 0.5) * wide - 0.5 for column in range(columns)]
        ys = [row * (tall + strip) + tall / 2 - 0.5 for row in range(rows)]
        return xs, ys, [y + (tall + strip) / 2 for y in ys]

    @style.styled
    def draw(self, title: str, width: float) -> Drawn:
        """The sheet as PNG, `width` inches wide with the names of its rows."""
        sheet = self.pixels()
        xs, ys, below = self.middles()
        room = width - NAMES - (0.5 if self.bar else 0)
        names = 0.12 * max(name.count("\n") + 1 for name in self.columns)
        figure, (axes,) = style.canvas(title, width, room * sheet.shape[0] / sheet.shape[1] + names + 0.1)
        axes.imshow(sheet, interpolation="nearest")
        axes.set_xticks(xs, self.columns)
        axes.set_yticks(ys, self.rows)
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        for y, captions in zip(below, self.captions, strict=False):
            for x, caption in zip(xs, captions, strict=True):
                axes.text(x, y, caption, ha="center", va="center", fontsize=6)
        if self.bar:
            scale = ScalarMappable(Normalize(*self.bar.ends), self.bar.colors)
            extend = "both" if self.bar.extended else "neither"
            bar = figure.colorbar(scale, ax=axes, shrink=0.5, aspect=20, label=self.bar.label, extend=extend)
            bar.outline.set_visible(False)
        return Drawn(figure)

    def plotly(self, title: str) -> dict[str, Any]:
        """The sheet for the browser."""
        sheet = self.pixels()
        height, width = sheet.shape[:2]
        xs, ys, below = self.middles()
        source, scale = _data_uri(sheet)
        image = {"type": "image", "source": source, "dx": scale, "dy": scale, "hoverinfo": "skip"}
        bare = {"showgrid": False, "showline": False, "ticks": ""}
        x = {"tickvals": xs, "ticktext": [name.replace("\n", "<br>") for name in self.columns]}
        y = {"tickvals": ys, "ticktext": [name.replace("\n", "<br>") for name in self.rows]}
        captions = [
            {
                "x": at,
                "y": line,
                "text": caption,
                "showarrow": False,
                "font": {"size": 10, "color": style.BLACK},
            }
            for line, row in zip(below, self.captions, strict=False)
            for at, caption in zip(xs, row, strict=True)
        ]
        layout = style.plotly_layout(
            title,
            xaxis={**bare, **x, "side": "top", "range": [-0.5, width - 0.5], "constrain": "domain"},
            yaxis={**bare, **y, "range": [height - 0.5, -0.5], "scaleanchor": "x", "constrain": "domain"},
            annotations=captions,
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
