"""Tables and pages of a report in the catalog."""

from pathlib import Path
from typing import ClassVar

import pandas as pd
from kedro_datasets._typing import TablePreview

from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.catalog.stem import StemDataset
from backdoor_pipeline.reporting.table import Table


class TableDataset(StemDataset[Table, pd.DataFrame]):
    """A table as four files: `.csv` and `.parquet` with its numbers, `.html` and `.tex` to be read.

    Loading it gives the numbers.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".html", ".tex", ".parquet")

    def load(self) -> pd.DataFrame:
        """Read the numbers."""
        return pd.read_parquet(self.require(".parquet"))

    def save(self, data: Table) -> None:
        """Write the files, the Parquet last."""
        self.write(".csv", data.frame.to_csv(index=False))
        self.write(".html", data.html)
        self.write(".tex", data.latex)
        with replacing(self.file(".parquet")) as temporary:
            data.frame.to_parquet(temporary, index=False)

    def preview(self, nrows: int = 50) -> TablePreview:
        """What Kedro-Viz shows."""
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))


class PageDataset(StemDataset[str, Path]):
    """A page of HTML, whose `filepath` is all there is. Loading it gives its path."""

    suffixes: ClassVar[tuple[str, ...]] = ("",)

    def load(self) -> Path:
        """The path of the page."""
        return self.require("")

    def save(self, data: str) -> None:
        """Write the page."""
        self.write("", data)
