"""Data frames in the catalog."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
from kedro_datasets._typing import TablePreview

from backdoor_pipeline.base.arrowfile import load_table, save_table
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.catalog.sealed import SealedDataset


def save_frame(path: Path, frame: pd.DataFrame, seal: Seal) -> None:
    """Write a frame to Parquet, without its index."""
    save_table(path, pa.Table.from_pandas(frame, preserve_index=False), seal)


def load_frame(path: Path, seal: Seal) -> pd.DataFrame:
    """The frame that was written; raises as `base.arrowfile.load_table` does."""
    frame: pd.DataFrame = load_table(path, seal).to_pandas()
    return frame


class FrameDataset(SealedDataset[pd.DataFrame, pd.DataFrame]):
    """A pandas frame in Parquet, shown by Kedro-Viz."""

    def read(self) -> pd.DataFrame:
        """Read the frame."""
        return load_frame(self.path, self.seal)

    def save(self, data: pd.DataFrame) -> None:
        """Write the frame."""
        save_frame(self.path, data, self.seal)

    def preview(self, nrows: int = 50) -> TablePreview:
        """What Kedro-Viz shows."""
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))
