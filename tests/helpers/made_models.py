"""Classifiers small enough to know what they do."""

import torch
from torch import Tensor, nn

from backdoor_pipeline.models import Classifier, ImageClassifier, ModelDescription


def classifier(*layers: nn.Module, channels: int = 1, classes: int = 2, mean: float = 0.0) -> Classifier:
    """These layers as a classifier in evaluation mode of images normalized by `mean` and 1."""
    description = ModelDescription(
        name="made", num_classes=classes, channels=channels, image_size=8, mean=(mean,) * channels,
        std=(1.0,) * channels, options={},
    )  # fmt: skip
    return ImageClassifier(description, nn.Sequential(*layers), 8).eval()


def fixed(layer: nn.Module, weight: Tensor, bias: Tensor | None = None) -> nn.Module:
    """The layer with these weights, and these biases or none."""
    with torch.no_grad():
        layer.weight.copy_(weight.view_as(layer.weight))
        layer.bias.copy_(torch.zeros_like(layer.bias) if bias is None else bias)
    return layer


def linear_on_pixels(weight: Tensor, **more: float) -> Classifier:
    """Its logits are 0 and the sum of the pixels times `weight`, (C, H, W)."""
    rows = torch.stack([torch.zeros(weight.numel()), weight.flatten()])
    head = fixed(nn.Linear(weight.numel(), 2), rows)
    return classifier(nn.Flatten(), head, channels=len(weight), **more)
