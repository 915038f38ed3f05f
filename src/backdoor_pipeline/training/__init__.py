"""The one engine that every training goes through."""

from backdoor_pipeline.training.checkpoint import discard
from backdoor_pipeline.training.hardware import Engine
from backdoor_pipeline.training.objective import Batch, Objective, cross_entropy
from backdoor_pipeline.training.recipe import Recipe
from backdoor_pipeline.training.trainer import Trainer

__all__ = ["Batch", "Engine", "Objective", "Recipe", "Trainer", "cross_entropy", "discard"]
