"""Tables and pages of a report in the catalog."""

from pathlib import Path
from typing import ClassVar

import pandas as pd
from kedro_datasets._typing import TablePreview

from backdoor_pipeline.base.files import replacing, writing
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.catalog.frame import load_frame, save_frame
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.catalog.texts import write
from backdoor_pipeline.reporting.table import Table


class TableDataset(SealedDataset[Table, pd.DataFrame]):
    """A table as four files: `.csv` and `.parquet` with its numbers, `.html` and `.tex` to be read.

    Loading it gives the numbers.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".html", ".tex", ".parquet")

    def read(self) -> pd.DataFrame:
        """Read the numbers."""
        return load_frame(self.path, self.seal)

    def save(self, data: Table) -> None:
        """Write the files; in between there is no table."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)
        beside = [text.encode() for text in (data.frame.to_csv(index=False), data.html, data.latex)]
        for file, content in zip(self.files, beside, strict=False):
            write(file, content)
        save_frame(self.path, data.frame, Seal.at(self.path, beside))

    def preview(self, nrows: int = 50) -> TablePreview:
        """What Kedro-Viz shows."""
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))


class PageDataset(SealedDataset[str, Path]):
    """A page of HTML, which bears its seal as a comment. Loading it gives its path."""

    def read(self) -> Path:
        """The path of the page."""
        self.check()
        return self.path

    def save(self, data: str) -> None:
        """Write the page."""
        with replacing(self.path) as temporary:
            temporary.write_bytes(f"{data}\n<!-- {self.seal.blank} -->\n".encode())
            self.seal.close(temporary)
