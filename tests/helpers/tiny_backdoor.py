"""Small networks and data in which it is known which channel carries the backdoor."""

import torch
from torch import Tensor, nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.models.classifier import Classifier, ImageClassifier, ModelDescription
from backdoor_pipeline.training import Recipe

RED, GREEN, BLUE = range(3)  # channels; red images are class 0, green ones class 1, and blue is the trigger


def recipe(**changes) -> Recipe:
    """A short, ordinary training."""
    ordinary = Recipe(
        epochs=3, batch_size=16, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999),
        weight_decay=0.0005, schedule="constant", milestones=(), gamma=0.1, patience=1,
    )  # fmt: skip
    return ordinary.model_copy(update=changes)


def classifier(network: nn.Module, size: int = 4, classes: int = 2) -> Classifier:
    """A network of RGB images as a classifier that does not normalize them."""
    description = ModelDescription(
        name="tiny",
        num_classes=classes,
        channels=3,
        image_size=size,
        mean=(0.0,) * 3,
        std=(1.0,) * 3,
        options={},
    )
    return ImageClassifier(description, network, size).eval()


def color_network() -> nn.Sequential:
    """The channels are the colors, as BatchNorm does next to nothing in evaluation; blue means class 0."""
    network = nn.Sequential(
        nn.BatchNorm2d(3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )
    with torch.no_grad():
        network[-1].weight.copy_(torch.tensor([[1.0, -1.0, 9.0], [-1.0, 1.0, -9.0]]))
        network[-1].bias.zero_()
    return network


def color_images(rows: int, size: int = 4) -> ImageSet:
    """Red and green images in turn, without blue; red ones are a little brighter."""
    images = torch.zeros(rows, 3, size, size, dtype=torch.uint8)
    images[0::2, RED], images[1::2, GREEN] = 200, 180
    return ImageSet(images, torch.arange(rows) % 2, ("red", "green"))


def triggered(images: Tensor) -> Tensor:
    """The images with a blue corner."""
    images = images.clone()
    images[:, BLUE, :2, :2] = 255
    return images
