"""A figure as matplotlib drew it, rendered when it is saved: in any format, with its title or without."""

import io
from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure as Canvas
from matplotlib.transforms import Bbox

from backdoor_pipeline.analysis import style

Format = Literal["png", "pdf", "svg"]
UNDATED = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What was drawn.

    Attributes:
        canvas: of `style.canvas`.
    """

    canvas: Canvas

    @style.styled
    def picture(self, kind: Format = "png", titled: bool = True) -> bytes:
        """The file: as wide as the figure was made and as high as it needs to be; the same bytes each time.

        Args:
            kind: PNG has 200 dots per inch; PDF and SVG are drawn by lines, their texts by outlines or
                TrueType, as journals ask.
            titled: whether its title is above it; a paper has a caption below.
        """
        self._lay_out()
        if title := self.canvas._suptitle:  # type: ignore[attr-defined]
            title.set_visible(titled)
        used, width = self.canvas.get_tightbbox(), self.canvas.get_figwidth()
        page = Bbox.from_extents(0, used.y0 - 0.05, width, used.y1 + 0.05)
        buffer = io.BytesIO()
        self.canvas.savefig(buffer, format=kind, dpi=style.DPI, bbox_inches=page, metadata=UNDATED[kind])
        return buffer.getvalue()

    def _lay_out(self) -> None:
        """Once: with many panels that takes most of the time, and all files should look alike."""
        if self.canvas.get_layout_engine() is not None:
            self.canvas.draw_without_rendering()
            self.canvas.set_layout_engine("none")
