"""Poisoned rows in the catalog."""

from backdoor_pipeline.catalog.sealed import SealedFactsDataset
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.table import read_rows, write_rows


class PoisonedRowsDataset(SealedFactsDataset[PoisonedRows, PoisonedRows]):
    """A Parquet table of poisoned rows; see `data.table`."""

    def read(self) -> PoisonedRows:
        """Read and verify the rows."""
        return read_rows(self.path, self.seal)[0]

    def save(self, data: PoisonedRows) -> None:
        """Write the rows."""
        write_rows(self.path, data, self.facts, self.seal)
