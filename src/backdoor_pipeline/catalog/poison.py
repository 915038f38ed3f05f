"""What an attack planted, in the catalog."""

from functools import cached_property
from typing import Any

from backdoor_pipeline.attacks import AnyTrigger
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.catalog.rows import PoisonedRowsDataset
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.catalog.several import SeveralFilesDataset
from backdoor_pipeline.catalog.trigger import TriggerDataset
from backdoor_pipeline.data.poisoned import PoisonedRows


class PoisonDataset(SeveralFilesDataset[Poisoned, Poisoned]):
    """The changed training rows, the triggered test images and the trigger, in one folder.

    Args:
        folder: theirs.
        attack: the attack's name, or "none".
        facts: written beside the rows; see `PoisonedRowsDataset`.
        metadata: for Kedro-Viz.
    """

    FILES = ("train.parquet", "test.parquet", "trigger.safetensors")

    def __init__(
        self, *, folder: str, attack: str, facts: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        train, test, trigger = (f"{folder}/{file}" for file in self.FILES)
        parts: dict[str, SealedDataset[Any, Any]] = {
            "train": PoisonedRowsDataset(filepath=train, facts=facts),
            "test": PoisonedRowsDataset(filepath=test, facts=facts),
            "trigger": TriggerDataset(filepath=trigger, attack=attack),
        }
        super().__init__(parts, metadata)

    def load(self) -> Poisoned:
        """The three, each read when it is first asked for."""
        return StoredPoison(self)


class StoredPoison:
    """A `Poison` that is read piece by piece.

    Args:
        dataset: where it is.
    """

    def __init__(self, dataset: PoisonDataset) -> None:
        self._parts = dataset.parts

    @cached_property
    def train(self) -> PoisonedRows:
        """See `Poison`."""
        rows: PoisonedRows = self._parts["train"].load()
        return rows

    @cached_property
    def test(self) -> PoisonedRows:
        """See `Poison`."""
        rows: PoisonedRows = self._parts["test"].load()
        return rows

    @cached_property
    def trigger(self) -> AnyTrigger:
        """See `Poison`."""
        trigger: AnyTrigger = self._parts["trigger"].load()
        return trigger
