"""Several files that a stage leaves as one thing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

from backdoor_pipeline.catalog.sealed import SealedDataset

InT = TypeVar("InT")
OutT = TypeVar("OutT")


class SeveralFilesDataset(AbstractDataset[InT, OutT]):
    """A folder's files, each an attribute of what is saved; it exists where all of them do.

    Args:
        parts: a dataset for every attribute.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self, parts: Mapping[str, SealedDataset[Any, Any]], metadata: dict[str, Any] | None = None
    ) -> None:
        self.parts = parts
        self.metadata = metadata

    @property
    def files(self) -> list[Path]:
        """All files."""
        return [part.path for part in self.parts.values()]

    def save(self, data: InT) -> None:
        """Write every file."""
        for name, part in self.parts.items():
            part.save(getattr(data, name))

    def _exists(self) -> bool:
        found = [part.exists() for part in self.parts.values()]  # each is looked at: what is damaged is told
        return all(found)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.files[0])}
