"""The clean data set in the catalog: both splits, or one."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from backdoor_pipeline.catalog.read_only import ReadOnlyDataset
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.spec import AnySpec
from backdoor_pipeline.data.splits import Splits

SPEC: TypeAdapter[AnySpec] = TypeAdapter(AnySpec)


class CleanDataset(ReadOnlyDataset[Splits]):
    """The clean samples of the experiment's data set, each split decoded once per run, when it is needed.

    Args:
        spec: the data set's facts, as `AnySpec` takes them.
        filepath: the folder of raw data that holds a folder per data set.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self, *, spec: dict[str, Any], filepath: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self.spec = SPEC.validate_python(spec)
        super().__init__({"dataset": self.spec.name, "filepath": filepath}, metadata)
        self.raw = Path(filepath)
        self._loaded: Splits | None = None

    def load(self) -> Splits:
        """The splits, from memory after the first time; a damaged one raises a UserError when asked for."""
        return self._splits()

    def _splits(self) -> Splits:
        self._loaded = self._loaded or Splits(partial(load_split, self.spec, self.raw))
        return self._loaded

    def _release(self) -> None:
        self._loaded = None


class SplitDataset(CleanDataset):
    """One split alone, for notebooks.

    Args:
        spec: see `CleanDataset`.
        split: "train" or "test".
        filepath: see `CleanDataset`.
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
        super().__init__(spec=spec, filepath=filepath, metadata=metadata)
        self.split = split

    def load(self) -> SampleSet:  # type: ignore[override]
        """The samples, from memory after the first time.

        Raises:
            UserError: the data set is missing or damaged.
        """
        samples: SampleSet = getattr(self._splits(), self.split)
        return samples
