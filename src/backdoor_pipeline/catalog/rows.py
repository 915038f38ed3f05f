"""Poisoned rows in the catalog."""

from typing import Any

from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.table import read_rows, write_rows


class PoisonedRowsDataset(SealedDataset[PoisonedRows, PoisonedRows]):
    """A Parquet table of poisoned rows; see `data.table`.

    Args:
        filepath: the Parquet file.
        facts: written into its metadata, such as the data set's and the attack's names.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self, *, filepath: str, facts: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.facts = facts

    def read(self) -> PoisonedRows:
        """Read and verify the rows."""
        return read_rows(self.path, self.seal)[0]

    def save(self, data: PoisonedRows) -> None:
        """Write the rows."""
        write_rows(self.path, data, self.facts, self.seal)
