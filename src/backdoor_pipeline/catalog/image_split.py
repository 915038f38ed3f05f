"""A split of the clean data set in the catalog."""

from pathlib import Path
from typing import Any, Literal, NoReturn

from kedro.io import AbstractDataset, DatasetError

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.spec import DatasetSpec


class ImageSplitDataset(AbstractDataset[None, ImageSet]):
    """The clean train or test images of the experiment's data set, decoded once per run.

    Args:
        spec: the data set's facts, as `DatasetSpec` takes them.
        split: "train" or "test".
        filepath: the folder of raw data that holds a folder per data set.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self,
        *,
        spec: dict[str, Any],
        split: Literal["train", "test"],
        filepath: str,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self.spec = DatasetSpec.model_validate(spec)
        self.split = split
        self.raw = Path(filepath)
        self.metadata = metadata
        self._loaded: ImageSet | None = None

    def load(self) -> ImageSet:
        """The images, from memory after the first time.

        Raises:
            UserError: the data set is missing or damaged.
        """
        if self._loaded is None:
            self._loaded = load_split(self.spec, self.raw, self.split)
        return self._loaded

    def save(self, data: None) -> NoReturn:  # noqa: ARG002
        """Refused: raw data is only read."""
        raise DatasetError("raw data is only read.")

    def _exists(self) -> bool:
        return True

    def _release(self) -> None:
        self._loaded = None

    def _describe(self) -> dict[str, Any]:
        return {"dataset": self.spec.name, "split": self.split, "filepath": str(self.raw)}
