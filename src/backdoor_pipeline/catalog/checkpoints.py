"""Where a training keeps its checkpoints, as an input of its node."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class CheckpointFolder(AbstractDataset[None, Path]):
    """Hands a node the folder in which its trainings leave checkpoints and find them again (P4).

    Args:
        filepath: the folder; made by the training that first needs it.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self.path = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        """The folder, which need not exist yet."""
        return self.path

    def save(self, data: None) -> NoReturn:  # noqa: ARG002
        """Refused: trainings write into the folder themselves."""
        raise DatasetError("a checkpoint folder is written by the training engine only.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.path)}
