"""Data frames in the catalog."""

import pandas as pd
import pyarrow as pa
from kedro_datasets._typing import TablePreview

from backdoor_pipeline.base.files import CorruptFileError, replacing
from backdoor_pipeline.catalog.checked import CheckedDataset


class FrameDataset(CheckedDataset[pd.DataFrame, pd.DataFrame]):
    """A pandas frame in Parquet, shown by Kedro-Viz."""

    def load(self) -> pd.DataFrame:
        """Read the frame."""
        return pd.read_parquet(self.require())

    def save(self, data: pd.DataFrame) -> None:
        """Write the frame."""
        with replacing(self.path) as temporary:
            data.to_parquet(temporary, index=False)

    def check(self) -> None:
        """See `CheckedDataset.check`."""
        try:
            pd.read_parquet(self.path)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise CorruptFileError(str(error)) from error

    def preview(self, nrows: int = 50) -> TablePreview:
        """What Kedro-Viz shows."""
        return TablePreview(self.load().head(nrows).to_dict(orient="split"))
