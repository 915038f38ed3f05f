"""Where a training keeps its checkpoints and its notes, as an input of its node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backdoor_pipeline.catalog.read_only import ReadOnlyDataset


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


class FoldersDataset(ReadOnlyDataset[Folders]):
    """Hands a node its `Folders`; they are made by the training that first needs them.

    Args:
        checkpoints: see `Folders`.
        notes: see `Folders`.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, checkpoints: str, notes: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__({"filepath": checkpoints}, metadata)
        self.folders = Folders(Path(checkpoints), Path(notes))

    def load(self) -> Folders:
        """The folders."""
        return self.folders
