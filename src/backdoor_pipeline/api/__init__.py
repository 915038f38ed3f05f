"""The benchmark from Python, in notebooks and scripts of one's own: see docs/python-api.md."""

from backdoor_pipeline.api.attacking import attack, poison
from backdoor_pipeline.api.data import image_set, load_data
from backdoor_pipeline.api.defaults import engine, recipe
from backdoor_pipeline.api.defending import defend
from backdoor_pipeline.api.files import load_model, load_trigger, save_model
from backdoor_pipeline.api.poisoned import PoisonedDataset, poisoned_dataset
from backdoor_pipeline.api.scanning import scan
from backdoor_pipeline.api.scoring import defense_effectiveness, evaluate
from backdoor_pipeline.api.training import new_model, train
from backdoor_pipeline.api.wrapping import wrap
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.metrics.accuracy import Scores

__all__ = [
    "PoisonedDataset",
    "Scores",
    "UserError",
    "attack",
    "defend",
    "defense_effectiveness",
    "engine",
    "evaluate",
    "image_set",
    "load_data",
    "load_model",
    "load_trigger",
    "new_model",
    "poison",
    "poisoned_dataset",
    "recipe",
    "save_model",
    "scan",
    "train",
    "wrap",
]
