"""The defenses: `DEFENSES` finds those in `methods`, one file each, and those of other packages."""

from backdoor_pipeline.base.registry import Registry
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.detecting import Detector, Finding
from backdoor_pipeline.defenses.diagnostics import Candidates, Curve, Diagnostics

DEFENSES: Registry[Defense] = Registry("defense", Defense, "backdoor_pipeline.defenses")  # type: ignore[type-abstract]

__all__ = [
    "DEFENSES",
    "Candidates",
    "Curve",
    "Defended",
    "DefenderView",
    "Defense",
    "Detector",
    "Diagnostics",
    "Finding",
    "Suspicion",
]
