"""A tiny classifier with a planted backdoor, and the settings of a short search."""

from copy import deepcopy
from functools import cache

import torch
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.parts.trigger_search import TriggerSearch
from backdoor_pipeline.models.classifier import Classifier, ImageClassifier, ModelDescription
from backdoor_pipeline.training import Engine, Recipe, Trainer

CLASSES, SIZE, TARGET = 6, 12, 2
RECIPE = Recipe(
    epochs=10, batch_size=32, optimizer="adam", lr=0.01, momentum=0, betas=(0.9, 0.999), weight_decay=0.0,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip
SEARCH = {
    "epochs": 40, "batch_size": 12, "images_per_epoch": None, "lr": 0.1, "betas": (0.5, 0.9), "success": 0.98,
    "early_stop_ratio": 0.99, "early_stop_patience": 10,
    "cost": {"initial": 0.001, "up": 2, "down": 2.8284, "patience": 2},
}  # fmt: skip


def search(**changes: object) -> TriggerSearch:
    return TriggerSearch.model_validate({**SEARCH, **changes})


def stripes(rows: int, seed: int = 0) -> ImageSet:
    """Gray noise with two bright lines; the class is where they are."""
    draws = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 120, (rows, 1, SIZE, SIZE), dtype=torch.uint8, generator=draws)
    labels = torch.arange(rows) % CLASSES
    lines = (torch.arange(SIZE) // 2)[None, :, None] == labels[:, None, None]
    images[lines.expand(-1, -1, SIZE)[:, None]] += 120
    return ImageSet(images, labels, tuple(f"class {k}" for k in range(CLASSES)))


def network(seed: int = 0, classes: int = CLASSES) -> Classifier:
    """A convolution, BatchNorm and two linear layers."""
    description = ModelDescription(
        name="tiny", num_classes=classes, channels=1, image_size=SIZE, mean=(0.3,), std=(0.3,), options={}
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(8 * (SIZE // 2) ** 2, 24), nn.ReLU(), nn.Linear(24, classes),
        )  # fmt: skip
    return ImageClassifier(description, layers, SIZE)


def corner(images: torch.Tensor) -> torch.Tensor:
    """White pixels in the bottom right corner."""
    stamped = images.clone()
    stamped[..., -2:, -2:] = 255
    return stamped


def trained(*, backdoored: bool) -> Classifier:
    """Trained on stripes; backdoored, a fifth of them have the corner and the target's label."""
    return deepcopy(_trained(backdoored))


@cache
def _trained(backdoored: bool) -> Classifier:
    data = stripes(480)
    images, labels = data.images[:], data.labels.clone()
    if backdoored:
        images[:96], labels[:96] = corner(images[:96]), TARGET
    model = network()
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    Trainer(engine, None).fit(model, ImageSet(images, labels, data.classes), RECIPE, seed=0)
    return model.eval()
