"""Triggers in the catalog."""

from typing import Any

from backdoor_pipeline.attacks import ATTACKS, Trigger
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors
from backdoor_pipeline.catalog.sealed import SealedAttackDataset


class TriggerDataset(SealedAttackDataset[Trigger, Trigger]):
    """A trigger in safetensors, rebuilt by its attack's `trigger_type`."""

    def read(self) -> Trigger:
        """Read and rebuild the trigger."""
        tensors, meta = load_tensors(self.path, self.seal)
        kind = NoTrigger if meta["attack"] == NONE else ATTACKS[meta["attack"]].trigger_type
        trigger = kind(**meta["config"])
        trigger.load_state_dict(tensors)
        return trigger

    def save(self, data: Trigger) -> None:
        """Write the trigger."""
        meta: dict[str, Any] = {"attack": self.attack, "config": data.config}
        save_tensors(self.path, data.state_dict(), meta, self.seal)
