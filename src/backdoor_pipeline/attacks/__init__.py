"""The attacks, one file each; `ATTACKS` finds them."""

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.registry import Registry

ATTACKS: Registry[Attack] = Registry("attack", Attack, "backdoor_pipeline.attacks")  # type: ignore[type-abstract]

__all__ = ["ATTACKS", "Attack", "AttackEnv", "Trigger"]
