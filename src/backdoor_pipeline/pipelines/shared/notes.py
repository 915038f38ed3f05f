"""Where the notes on the victim's training are kept."""

from pathlib import Path

from backdoor_pipeline.analysis.watching import Notes
from backdoor_pipeline.catalog import FrameDataset


class NotesFolder:
    """The notes on one training, as files.

    Args:
        folder: theirs; named by what was trained and what was watched.
    """

    def __init__(self, folder: Path) -> None:
        self._epochs, self._samples = (
            FrameDataset(filepath=str(folder / f"{name}.parquet")) for name in ("epochs", "samples")
        )

    def save(self, notes: Notes) -> None:
        """Write them down."""
        self._epochs.save(notes.epochs)
        self._samples.save(notes.samples)

    def load(self) -> Notes | None:
        """What was saved; None if one of the files is missing or damaged."""
        if not (self._epochs.exists() and self._samples.exists()):
            return None
        return Notes(self._epochs.load(), self._samples.load())
