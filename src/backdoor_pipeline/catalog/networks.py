"""Attackers' networks in the catalog."""

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.networks import Networks, NoNetworks
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors
from backdoor_pipeline.catalog.sealed import SealedAttackDataset


class NetworksDataset(SealedAttackDataset[Networks, Networks]):
    """An attacker's networks in safetensors, rebuilt by the attack's `networks_type`.

    Attacks that share a preparation share the file, and so have the same type.
    """

    def read(self) -> Networks:
        """Read and rebuild the networks, on the CPU, in evaluation mode."""
        tensors, meta = load_tensors(self.path, self.seal)
        kind = NoNetworks if self.attack in (NONE, IMPORTED) else ATTACKS[self.attack].networks_type
        networks = kind(**meta["config"])
        networks.load_state_dict(tensors)
        return networks.eval()

    def save(self, data: Networks) -> None:
        """Write the networks."""
        save_tensors(self.path, data.state_dict(), {"config": data.config}, self.seal)
