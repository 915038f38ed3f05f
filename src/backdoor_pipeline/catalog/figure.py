"""Figures in the catalog."""

import json
from pathlib import Path
from typing import ClassVar

from kedro_datasets._typing import PlotlyPreview

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.catalog.stem import StemDataset


class FigureDataset(StemDataset[Figure, Path]):
    """A figure as three files: `.png` for papers, `.plotly.json` for Kedro-Viz, `.csv` with its numbers.

    Loading it gives the path of the PNG.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".plotly.json", ".png")

    def load(self) -> Path:
        """The path of the PNG."""
        return self.require(".png")

    def save(self, data: Figure) -> None:
        """Write the three files, the PNG last."""
        self.write(".csv", data.table.to_csv(index=False))
        self.write(".plotly.json", json.dumps(data.plotly))
        self.write(".png", data.png)

    def preview(self) -> PlotlyPreview:
        """What Kedro-Viz shows."""
        return PlotlyPreview(json.loads(self.file(".plotly.json").read_text(encoding="utf-8")))
