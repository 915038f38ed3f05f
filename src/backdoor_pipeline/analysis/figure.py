"""What an analysis returns: a picture for print, the same for the browser, and the numbers behind both."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Canvas

from backdoor_pipeline.analysis.drawn import Drawn


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """One figure of a report.

    Attributes:
        title: what is shown and of which experiment.
        drawn: the picture as drawn by matplotlib, to be printed at its natural size.
        plotly: the figure as plotly JSON, `{"data": [...], "layout": {...}}`, of plain Python values.
        table: the numbers behind it.
    """

    title: str
    drawn: Drawn
    plotly: dict[str, Any]
    table: pd.DataFrame

    @property
    def png(self) -> bytes:
        """The picture, 200 dots per inch."""
        return self.drawn.picture()


NOT_DRAWN = Figure("", Drawn(Canvas()), {}, pd.DataFrame())  # what stands for one that nobody has asked for
