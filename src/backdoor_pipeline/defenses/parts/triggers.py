"""Triggers that a defender reverse-engineers: a mask and a pattern for each suspected class."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer


@dataclass(frozen=True, slots=True)
class Triggers:
    """One trigger for each of n classes.

    Attributes:
        masks: float32, (n, 1, H, W), in [0, 1].
        patterns: float32, (n, C, H, W), in [0, 1].
        success: the share of the clean images of its last epoch that each sends to its class: float32, (n,).
    """

    masks: Tensor
    patterns: Tensor
    success: Tensor

    @property
    def norms(self) -> Tensor:
        """The L1 norm of each mask, in pixels: (n,)."""
        return self.masks.sum((1, 2, 3))

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, rows: Tensor) -> "Triggers":
        """The triggers at `rows` (int64)."""
        return Triggers(self.masks[rows], self.patterns[rows], self.success[rows])

    def to(self, device: torch.device) -> "Triggers":
        """The same on a device."""
        return Triggers(self.masks.to(device), self.patterns.to(device), self.success.to(device))


def stamp(images: Tensor, masks: Tensor, patterns: Tensor) -> Tensor:
    """(1 - m) x + m p, of float images in [0, 1]; the three broadcast."""
    return (1 - masks) * images + masks * patterns


class Stamped(nn.Module):
    """A classifier that is shown every image with one trigger on it.

    Args:
        model: the classifier.
        mask: float32, (1, H, W).
        pattern: float32, (C, H, W).
    """

    mask: Tensor
    pattern: Tensor

    def __init__(self, model: Classifier, mask: Tensor, pattern: Tensor) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mask", mask)
        self.register_buffer("pattern", pattern)

    def features(self, images: Tensor) -> Tensor:
        """See `Classifier.features`."""
        return self.model.features(stamp(images, self.mask, self.pattern))

    def forward(self, images: Tensor) -> Tensor:
        """See `Classifier.forward`."""
        logits: Tensor = self.model(stamp(images, self.mask, self.pattern))
        return logits


def each_stamped(model: Classifier, triggers: Triggers) -> list[Stamped]:
    """The classifier as each trigger makes it see."""
    return [Stamped(model, *one) for one in zip(triggers.masks, triggers.patterns, strict=True)]


def success(
    trainer: Trainer, model: Classifier, triggers: Triggers, classes: Tensor, clean: ImageSet
) -> float:
    """The share of clean images that a trigger sends from other classes to its own, averaged over triggers.

    Args:
        trainer: the engine.
        model: left where and as it was.
        triggers: n of them, on the CPU.
        classes: theirs, int64, (n,).
        clean: images of several classes.
    """
    shares = [
        (trainer.predict(stamped, clean.images) == k)[clean.labels != k].float().mean()
        for stamped, k in zip(each_stamped(model, triggers), classes, strict=True)
    ]
    return torch.stack(shares).mean().item()
