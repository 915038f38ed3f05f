"""Figures in the catalog."""

import json
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import PlotlyPreview

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import replacing


class FigureDataset(AbstractDataset[Figure, Path]):
    """A figure as three files: `.png` for papers, `.plotly.json` for Kedro-Viz, `.csv` with its numbers.

    Loading it gives the path of the PNG.

    Args:
        filepath: the files' common stem.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.stem = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """The three files, the PNG last."""
        return [self._file(suffix) for suffix in (".csv", ".plotly.json", ".png")]

    def load(self) -> Path:
        """The path of the PNG."""
        if not self._exists():
            raise UserError(f"{self._file('.png')} does not exist: run the pipeline that makes it.")
        return self._file(".png")

    def save(self, data: Figure) -> None:
        """Write the three files, the PNG last."""
        with replacing(self._file(".csv")) as temporary:
            data.table.to_csv(temporary, index=False)
        with replacing(self._file(".plotly.json")) as temporary:
            temporary.write_text(json.dumps(data.plotly), encoding="utf-8")
        with replacing(self._file(".png")) as temporary:
            temporary.write_bytes(data.png)

    def preview(self) -> PlotlyPreview:
        """What Kedro-Viz shows."""
        return PlotlyPreview(json.loads(self._file(".plotly.json").read_text(encoding="utf-8")))

    def _exists(self) -> bool:
        return all(file.exists() for file in self.files)

    def _file(self, suffix: str) -> Path:
        return self.stem.with_name(self.stem.name + suffix)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.stem)}
