"""Triggers in the catalog."""

from typing import Any

from backdoor_pipeline.attacks import ATTACKS, AnyTrigger
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors
from backdoor_pipeline.catalog.sealed import SealedAttackDataset


class TriggerDataset(SealedAttackDataset[AnyTrigger, AnyTrigger]):
    """A trigger in safetensors, rebuilt by its attack's `trigger_type`."""

    def read(self) -> AnyTrigger:
        """Read and rebuild the trigger."""
        tensors, meta = load_tensors(self.path, self.seal)
        kind = NoTrigger if meta["attack"] == NONE else ATTACKS[meta["attack"]].trigger_type
        trigger: AnyTrigger = kind(**meta["config"])
        trigger.load_state_dict(tensors)
        return trigger

    def save(self, data: AnyTrigger) -> None:
        """Write the trigger."""
        meta: dict[str, Any] = {"attack": self.attack, "config": data.config}
        save_tensors(self.path, data.state_dict(), meta, self.seal)
