"""MixMatch: learning from images with and without labels (Berthelot et al., NeurIPS 2019)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.training import Batch, sent


@dataclass(slots=True)
class MixMatch:
    """Cross-entropy on labeled images plus squared error on guessed labels, all of them mixed in pairs.

    Attributes:
        trusted: bool, one for each row of the training set, on the CPU: labels of others are not read. May be
            exchanged between epochs.
        vary: augments images, each time anew; batches must come without augmentation.
        classes: K.
        steps: of the whole training, over which the second loss is ramped in.
        temperature: of the sharpening.
        alpha: of the Beta distribution that mixing shares are drawn from.
        weight: of the second loss at the end.
    """

    trusted: Tensor
    vary: Callable[[Tensor], Tensor]
    classes: int
    steps: int
    temperature: float
    alpha: float
    weight: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`; in every batch, some images are trusted and some are not."""
        trusted = self.trusted[batch.index]
        split = (part.nonzero().squeeze(1) for part in (trusted, ~trusted))
        own, others = (sent(rows, batch.inputs.device) for rows in split)
        labels = batch.labels[own]
        pair = [self.vary(batch.inputs[others]) for _ in range(2)]
        guessed = self.guess(model, pair)
        images, targets = mixed(
            torch.cat([self.vary(batch.inputs[own]), *pair]),
            torch.cat([F.one_hot(labels, self.classes).float(), guessed, guessed]),
            self.alpha,
        )
        logits, n = model(images).float(), len(labels)
        batch.report(logits[:n], labels)
        labeled = F.cross_entropy(logits[:n], targets[:n], reduction="sum") / max(1, n)
        errors = F.mse_loss(logits[n:].softmax(1), targets[n:], reduction="sum")
        unlabeled = errors / max(1, guessed.numel() * 2)
        return labeled + self.weight * ramp(batch.step, self.steps) * unlabeled

    @torch.no_grad()
    def guess(self, model: nn.Module, pair: list[Tensor]) -> Tensor:
        """Sharpened mean predictions for both copies of each image: (M, K)."""
        probabilities = model(torch.cat(pair)).float().softmax(1)
        torch.clear_autocast_cache()  # older PyTorch would go on with weights cast without gradient
        return sharpen(torch.stack(probabilities.chunk(2)).mean(0), self.temperature)


def sharpen(probabilities: Tensor, temperature: float) -> Tensor:
    """Probabilities (N, K) to the power 1 / temperature, normalized again."""
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(1, keepdim=True)


def mixed(images: Tensor, targets: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Every image mixed with one drawn at random, of which it keeps the larger part; its target likewise.

    Args:
        images: (N, C, H, W).
        targets: (N, K).
        alpha: shares are drawn from Beta(alpha, alpha).
    """
    concentration = torch.full((len(images),), alpha, device=images.device)
    beta = torch.distributions.Beta(concentration, concentration, validate_args=False)  # to check is to wait
    share = beta.sample()
    partners = torch.randperm(len(images), device=images.device)
    return mix(images, targets, torch.maximum(share, 1 - share), partners)


def mix(images: Tensor, targets: Tensor, share: Tensor, partners: Tensor) -> tuple[Tensor, Tensor]:
    """Images and targets, each with 1 - `share` of its partner's (both (N,)) in it."""
    mixed_images = images[partners].lerp(images, share.view(-1, 1, 1, 1))
    return mixed_images, targets[partners].lerp(targets, share[:, None])


def ramp(step: int, steps: int) -> float:
    """The part of the training that is done: from 0 to 1, linearly."""
    return min(1.0, step / steps)
