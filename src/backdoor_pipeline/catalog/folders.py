"""Where a training keeps its checkpoints and its notes, as an input of its node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


@dataclass(frozen=True, slots=True)
class Folders:
    """Two folders, which need not exist yet.

    Attributes:
        checkpoints: in which trainings leave checkpoints and find them again (P4).
        notes: for what is noted while the victim's model is trained.
    """

    checkpoints: Path
    notes: Path

    @property
    def checkpoint(self) -> Path:
        """The file of the one training that has checkpoints."""
        return self.checkpoints / "train.safetensors"


class FoldersDataset(AbstractDataset[None, Folders]):
    """Hands a node its `Folders`; they are made by the training that first needs them.

    Args:
        checkpoints: see `Folders`.
        notes: see `Folders`.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, checkpoints: str, notes: str, metadata: dict[str, Any] | None = None) -> None:
        self.folders = Folders(Path(checkpoints), Path(notes))
        self.metadata = metadata

    def load(self) -> Folders:
        """The folders."""
        return self.folders

    def save(self, data: None) -> NoReturn:  # noqa: ARG002
        """Refused: trainings write into the folders themselves."""
        raise DatasetError("these folders are written by trainings only.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self.folders.checkpoints)}
