"""Triggers in the catalog."""

from typing import Any

from backdoor_pipeline.attacks import ATTACKS, Trigger
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.base.tensorfile import check_tensors, load_tensors, save_tensors
from backdoor_pipeline.catalog.checked import CheckedDataset


class TriggerDataset(CheckedDataset[Trigger, Trigger]):
    """A trigger in safetensors, rebuilt by its attack's `trigger_type`.

    Args:
        filepath: the safetensors file.
        attack: the attack's name, or "none".
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, attack: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.attack = attack

    def load(self) -> Trigger:
        """Read and rebuild the trigger."""
        tensors, meta = load_tensors(self.require())
        kind = NoTrigger if meta["attack"] == NONE else ATTACKS[meta["attack"]].trigger_type
        trigger = kind(**meta["config"])
        trigger.load_state_dict(tensors)
        return trigger

    def save(self, data: Trigger) -> None:
        """Write the trigger."""
        save_tensors(self.path, data.state_dict(), {"attack": self.attack, "config": data.config})

    def check(self) -> None:
        """See `CheckedDataset.check`."""
        check_tensors(self.path)
