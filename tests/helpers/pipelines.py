"""A tiny poisoned data set and what its stages need."""

from typing import Any, get_args

from backdoor_pipeline.attacks import Attack
from backdoor_pipeline.attacks.methods.badnets import BadNets
from backdoor_pipeline.attacks.poisoning import Poison, poison
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation, ImageSpec
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Analyzing, AttackSpec, Choices, FigureName, Poisoning, Training
from backdoor_pipeline.experiment.stages import AnalyzeStage
from backdoor_pipeline.training import Engine, Recipe

FACTS = ImageSpec(
    name="noise",
    source="digits",
    options={},
    num_classes=4,
    image_size=32,
    channels=3,
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    augmentation=Augmentation(crop_padding=0, horizontal_flip=False),
)
RECIPE = Recipe(
    epochs=5, batch_size=16, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip
TRAINING = Training(model="resnet8", options={"pretrained": None}, recipe=RECIPE, seed=0)


def engine(**changes: Any) -> Engine:
    """An engine that runs alike everywhere."""
    plain = {
        "device": "cpu",
        "precision": "fp32",
        "compile": False,
        "checkpoint_every": 0,
        "evaluate_every": 1,
    }
    return Engine(**(plain | changes))


def choices(**changes: Any) -> Choices:
    """An experiment's choices."""
    usual = {
        "dataset": "noise", "train_images": None, "model": "resnet8", "attack": "badnets", "defense": "ft",
        "poison_ratio": 0.25, "target_label": 0, "label_map": "all_to_one",
        "poison_target_class": True, "clean_ratio": 0.1, "seed": 0, "epochs": None, "control": False,
    }  # fmt: skip
    return Choices(**(usual | changes))


def analyzing(**changes: Any) -> Analyzing:
    """What the figures are to show."""
    usual = {
        "figures": get_args(FigureName),
        "sample_images": 8, "explained_images": 4, "frequency_saliency": "figure",
        "shapley_cells": 8, "shapley_orders": 10, "feature_images": 1000,
        "tsne_perplexity": 30, "umap_neighbors": 15, "formats": (), "titles": True,
    }  # fmt: skip
    return Analyzing(**(usual | changes))


BADNETS = BadNets(patch_size=3)


def poisoning(attack: Attack, **changes: Any) -> Poisoning:
    """What a stage is told of an attack."""
    usual = {"poison_ratio": 0.25, "label_map": "all_to_one", "target_label": 0, "poison_target_class": True}
    facts = {"name": attack.name, "params": attack.model_dump(mode="json"), "seed": 0}
    return Poisoning(attack=AttackSpec(**(facts | usual | changes)))


def splits(train: ImageSet | None, test: ImageSet) -> Splits:
    """A clean data set."""
    return Splits({"train": train, "test": test}.__getitem__)


def shown(changes: dict[str, Any] | None = None, /, **settings: Any) -> AnalyzeStage:
    """What a figure is told: these choices, these settings."""
    made = choices(**(changes or {}))
    return AnalyzeStage(choices=made, dataset=FACTS, analyzing=analyzing(**settings), engine=engine())


def poisoned(make_set: Any, make_env: Any) -> tuple[ImageSet, ImageSet, Poison]:
    """Clean train and test sets, and what BadNets makes of them."""
    clean, test = make_set(rows=80), make_set(rows=16)
    made = poison(BADNETS, clean, test, make_env(), poison_target_class=True)
    return clean, test, made
