"""The one engine that every training goes through."""

from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.training.batches import sent
from backdoor_pipeline.training.checkpoint import History, discard
from backdoor_pipeline.training.eager import Eager
from backdoor_pipeline.training.hardware import Engine
from backdoor_pipeline.training.objective import Batch, Objective, Tamper, cross_entropy
from backdoor_pipeline.training.observer import Observer
from backdoor_pipeline.training.recipe import Recipe
from backdoor_pipeline.training.trainer import OnEpoch, Trainer

__all__ = [
    "Batch",
    "Eager",
    "Engine",
    "History",
    "Objective",
    "Observer",
    "OnEpoch",
    "Recipe",
    "Tamper",
    "Trainer",
    "cross_entropy",
    "discard",
    "generator",
    "sent",
]
