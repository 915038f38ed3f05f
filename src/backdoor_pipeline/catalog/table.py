"""Tables and pages of a report in the catalog."""

from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import TablePreview

from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.reporting.table import Table


class TableDataset(AbstractDataset[Table, pd.DataFrame]):
    """A table as four files: `.csv` and `.parquet` with its numbers, `.html` and `.tex` to be read.

    Loading it gives the numbers.

    Args:
        filepath: the files' common stem.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.stem = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """The four files."""
        return [self._file(suffix) for suffix in (".csv", ".html", ".tex", ".parquet")]

    def load(self) -> pd.DataFrame:
        """Read the numbers."""
        if not self._exists():
            raise DatasetError(f"{self._file('.parquet')} does not exist: run the report pipeline.")
        return pd.read_parquet(self._file(".parquet"))

    def save(self, data: Table) -> None:
        """Write the files, the Parquet last."""
        with replacing(self._file(".csv")) as temporary:
            data.frame.to_csv(temporary, index=False)
        for suffix, content in ((".html", data.html), (".tex", data.latex)):
            with replacing(self._file(suffix)) as temporary:
                temporary.write_text(content, encoding="utf-8")
        with replacing(self._file(".parquet")) as temporary:
            data.frame.to_parquet(temporary, index=False)

    def preview(self, nrows: int = 50) -> TablePreview:
        """What Kedro-Viz shows."""
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))

    def _exists(self) -> bool:
        return all(file.exists() for file in self.files)

    def _file(self, suffix: str) -> Path:
        return self.stem.with_name(self.stem.name + suffix)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.stem)}


class PageDataset(AbstractDataset[str, Path]):
    """A page of HTML. Loading it gives its path.

    Args:
        filepath: the file.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """The page."""
        return [self.path]

    def load(self) -> Path:
        """The path of the page."""
        if not self.path.exists():
            raise DatasetError(f"{self.path} does not exist: run the report pipeline.")
        return self.path

    def save(self, data: str) -> None:
        """Write the page."""
        with replacing(self.path) as temporary:
            temporary.write_text(data, encoding="utf-8")

    def _exists(self) -> bool:
        return self.path.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
