"""The attacks: `ATTACKS` finds those in `methods`, one file each, and those of other packages."""

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.control import CrossSampledAttack, TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.surrogate import Surrogate, SurrogateNetworks, surrogate_of
from backdoor_pipeline.attacks.trigger import AnyTrigger, Strengths, TextTrigger, Trigger
from backdoor_pipeline.base.registry import Registry

ATTACKS: Registry[Attack] = Registry("attack", Attack, "backdoor_pipeline.attacks")  # type: ignore[type-abstract]

__all__ = [
    "ATTACKS",
    "AnyTrigger",
    "Attack",
    "AttackEnv",
    "CrossSampledAttack",
    "Networks",
    "Preparation",
    "Prepared",
    "Strengths",
    "Surrogate",
    "SurrogateNetworks",
    "TextTrigger",
    "TrainingControlledAttack",
    "Trigger",
    "Victim",
    "surrogate_of",
]
