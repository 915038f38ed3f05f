"""Figures in the catalog."""

from pathlib import Path
from typing import ClassVar

from kedro_datasets._typing import PlotlyPreview

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.files import writing
from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.catalog.texts import write


class FigureDataset(SealedDataset[Figure, Path]):
    """A figure as three files: `.png` for papers, `.plotly.json` for Kedro-Viz, `.csv` with its numbers.

    Loading it gives the path of the PNG.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".png", ".plotly.json")

    def read(self) -> Path:
        """The path of the PNG."""
        self.check()
        return self.file(".png")

    def save(self, data: Figure) -> None:
        """Write the three files; in between there is no figure."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)
        write(self.file(".csv"), data.table.to_csv(index=False))
        write(self.file(".png"), data.png)
        save_json(self.path, data.plotly, self.seal, indent=None)

    def preview(self) -> PlotlyPreview:
        """What Kedro-Viz shows."""
        return PlotlyPreview(load_json(self.path, self.seal))
