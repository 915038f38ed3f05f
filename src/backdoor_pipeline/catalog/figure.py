"""Figures in the catalog."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from kedro_datasets._typing import PlotlyPreview

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import writing
from backdoor_pipeline.base.jsonfile import load_json, save_json
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.catalog.texts import write


class FigureDataset(SealedDataset[Figure, Path]):
    """A figure as three files: `.png` for papers, `.plotly.json` for Kedro-Viz, `.csv` with its numbers.

    Loading it gives the path of the PNG. One that is not asked for is not missing: nothing is drawn, and
    what was drawn when it was asked for stays.

    Args:
        filepath: the files' stem, which ends with the figure's name.
        asked: the names of the figures that are asked for; None: all.
        metadata: for Kedro-Viz.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".png", ".plotly.json")

    def __init__(
        self, *, filepath: str, asked: Sequence[str] | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.asked = asked is None or self._stem.name in asked

    def read(self) -> Path:
        """The path of the PNG.

        Raises:
            UserError: it was never asked for.
        """
        if not self.asked and not self.path.exists():
            raise UserError(f"the figure '{self._stem.name}' was not drawn: ask for it in analysis.figures.")
        self.check()
        return self.file(".png")

    def _exists(self) -> bool:
        return super()._exists() if self.asked else True

    def save(self, data: Figure) -> None:
        """Write the three files; in between there is no figure."""
        if not self.asked:
            return
        with writing(self.path):
            self.path.unlink(missing_ok=True)
        write(self.file(".csv"), data.table.to_csv(index=False))
        write(self.file(".png"), data.png)
        save_json(self.path, data.plotly, self.seal, indent=None)

    def preview(self) -> PlotlyPreview:
        """What Kedro-Viz shows."""
        return PlotlyPreview(load_json(self.path, self.seal))
