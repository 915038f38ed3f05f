"""Training images ranked by how well a model fits the labels they were given."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Trainer


def per_image_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of every row: (N,), in the logits' precision."""
    return F.cross_entropy(logits, labels, reduction="none")


def per_image_losses(
    trainer: Trainer,
    model: nn.Module,
    data: ImageSet,
    loss: Callable[[Tensor, Tensor], Tensor] = per_image_cross_entropy,
) -> Tensor:
    """The loss of every image as it is, with its given label: float64, (N,), in which few are equal."""
    return loss(trainer.logits(model, data.inputs).double(), data.labels)


def lowest(losses: Tensor, count: int) -> Tensor:
    """Which `count` losses are the lowest, of equal ones the first: bool, (N,)."""
    chosen = torch.zeros(len(losses), dtype=torch.bool)
    chosen[losses.argsort(stable=True)[:count]] = True
    return chosen


def lowest_of_each_class(losses: Tensor, labels: Tensor, share: float, classes: int) -> Tensor:
    """Which losses are the lowest `share` of their class: bool, (N,).

    A class counts as no larger than the mean one: labels in excess of that are what a target class collects.
    """
    chosen = torch.zeros(len(losses), dtype=torch.bool)
    for label in range(classes):
        rows = (labels == label).nonzero()[:, 0]
        chosen[rows[lowest(losses[rows], round(share * min(len(rows), len(losses) / classes)))]] = True
    return chosen


def highest_of_each_class(losses: Tensor, labels: Tensor, share: float) -> Tensor:
    """Which losses are the highest `share` of their class, of every class at least one: bool, (N,)."""
    chosen = torch.zeros(len(losses), dtype=torch.bool)
    for label in labels.unique():
        rows = (labels == label).nonzero()[:, 0]
        chosen[rows] = ~lowest(losses[rows], len(rows) - max(1, round(share * len(rows))))
    return chosen
