"""The attacks: `ATTACKS` finds those in `methods`, one file each, and those of other packages."""

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.registry import Registry

ATTACKS: Registry[Attack] = Registry("attack", Attack, "backdoor_pipeline.attacks")  # type: ignore[type-abstract]

__all__ = ["ATTACKS", "Attack", "AttackEnv", "Trigger"]
