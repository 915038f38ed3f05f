"""Small models, data and recipes for the engine's tests."""

import torch
from torch import Tensor, nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.training import Engine, Recipe, Trainer

CROP_AND_FLIP = Augmentation(crop_padding=2, horizontal_flip=True)
SGD = Recipe(
    epochs=4,
    batch_size=8,
    optimizer="sgd",
    lr=0.05,
    momentum=0.9,
    betas=(0.9, 0.999),
    weight_decay=5e-4,
    schedule="cosine",
    milestones=(),
    gamma=0.1,
    patience=1,
)


def recipe(**changes: object) -> Recipe:
    return Recipe.model_validate({**SGD.model_dump(), **changes})


def engine(**changes: object) -> Engine:
    plain = {
        "device": "cpu",
        "precision": "fp32",
        "compile": "auto",
        "checkpoint_every": 1,
        "evaluate_every": 1,
    }
    return Engine.model_validate({**plain, **changes})


def trainer(augmentation: Augmentation | None = CROP_AND_FLIP, **changes: object) -> Trainer:
    return Trainer(engine(**changes), augmentation)


def data(n: int = 45, seed: int = 0) -> ImageSet:
    """Images whose label is how bright they are, so that there is something to learn."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=draws)
    noise = torch.randint(80, (n, 3, 8, 8), generator=draws)
    return ImageSet((noise + 80 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels, ("a", "b", "c"))


def model(seed: int = 0) -> nn.Module:
    """A convolution, BatchNorm, dropout and a linear layer."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(32, 3),
        )


def weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(left: nn.Module, right: nn.Module) -> bool:
    """Equal to the last bit, running statistics included."""
    ours, theirs = left.state_dict(), right.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


class Stream:
    """Images that are read when asked for, and say how often that was."""

    def __init__(self, images: Tensor) -> None:
        self._images = images
        self.reads = 0

    @property
    def shape(self) -> torch.Size:
        return self._images.shape

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        self.reads += 1
        return self._images[index]
