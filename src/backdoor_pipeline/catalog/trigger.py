"""Triggers in the catalog."""

from backdoor_pipeline.attacks import AnyTrigger
from backdoor_pipeline.attacks.files import load_trigger, save_trigger
from backdoor_pipeline.catalog.sealed import SealedAttackDataset


class TriggerDataset(SealedAttackDataset[AnyTrigger, AnyTrigger]):
    """A trigger in safetensors; see `attacks.files`."""

    def read(self) -> AnyTrigger:
        """Read and rebuild the trigger."""
        return load_trigger(self.path, self.seal)

    def save(self, data: AnyTrigger) -> None:
        """Write the trigger."""
        save_trigger(self.path, data, self.attack, self.seal)
