"""What an analysis returns: a picture for print, the same for the browser, and the numbers behind both."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One figure of a report.

    Attributes:
        title: what is shown and of which experiment.
        png: the picture as drawn by matplotlib, 200 dots per inch, to be printed at its natural size.
        plotly: the figure as plotly JSON, `{"data": [...], "layout": {...}}`, of plain Python values.
        table: the numbers behind it.
    """

    title: str
    png: bytes
    plotly: dict[str, Any]
    table: pd.DataFrame


NOT_DRAWN = Figure("", b"", {}, pd.DataFrame())  # what stands for one that nobody has asked for
