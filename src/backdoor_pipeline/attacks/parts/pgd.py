"""Projected gradient descent: the worst images near given ones (Madry et al., 2018)."""

import math
import sys
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.hosting import hosted

LEVELS = 255  # settings are in pixel levels, images in [0, 1]

PixelLevels = Annotated[float, Field(gt=0, le=LEVELS)]


class PGD(BaseModel):
    """How far and in which steps images are perturbed.

    Attributes:
        epsilon: the largest change of a pixel, in 1/255.
        step: what one step changes a pixel by, in 1/255.
        steps: how many.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epsilon: PixelLevels
    step: PixelLevels
    steps: int = Field(ge=1)


def perturb(model: nn.Module, images: Tensor, labels: Tensor, pgd: PGD, *, random_start: bool) -> Tensor:
    """Images in the L-infinity ball around the given ones that raise the cross-entropy with these labels.

    Args:
        model: in evaluation mode; the caller sets the precision (`Trainer.autocast`). Its weights get no
            gradients.
        images: float32, (n, C, H, W), in [0, 1], on the model's device.
        labels: int64, (n,): what to lead the model away from.
        pgd: how far.
        random_start: start from a uniform draw in the ball, by the global random state.

    Returns:
        float32, (n, C, H, W), in the ball and in [0, 1].
    """
    radius = pgd.epsilon / LEVELS
    low, high = (images - radius).clamp_(min=0), (images + radius).clamp_(max=1)
    found = images
    if random_start:
        found = (images + radius * (2 * torch.rand_like(images) - 1)).clamp_(low, high)
    for _ in range(pgd.steps):
        slope = _slope(model, found, labels)
        found = (found + pgd.step / LEVELS * slope.sign()).clamp_(low, high)
    return found


def _slope(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The gradient of the cross-entropy by the images."""
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        # summed, so that an image's gradient does not depend on how many others there are
        loss = F.cross_entropy(model(images).float(), labels, reduction="sum")
        (slope,) = torch.autograd.grad(loss, images)
    return slope


def perturb_bytes(
    trainer: Trainer, model: Classifier, images: Tensor, labels: Tensor, pgd: PGD, batch_size: int
) -> Tensor:
    """Stored images perturbed from where they are, without random draws: an image's result is its own alone.

    Args:
        trainer: the engine.
        model: left where and as it was.
        images: uint8, (N, C, H, W), on the engine's device.
        labels: int64, (N,), likewise.
        pgd: how far; rounding does not leave the ball.
        batch_size: images at a time.

    Returns:
        uint8, (N, C, H, W).
    """
    batches = list(zip(images.split(batch_size), labels.split(batch_size), strict=True))
    watched = tqdm(batches, desc="pgd", unit="batch", leave=False, disable=not sys.stderr.isatty())
    with hosted(model, trainer.device, training=False), trainer.autocast():
        done = [
            _rounded(perturb(model, trainer.as_float(some), truth, pgd, random_start=False), some, pgd)
            for some, truth in watched
        ]
    return torch.cat(done) if done else images.clone()


def _rounded(found: Tensor, images: Tensor, pgd: PGD) -> Tensor:
    """As uint8, no further from the images than whole levels fit into epsilon."""
    reach = math.floor(pgd.epsilon)
    change = ((found * LEVELS).round() - images).clamp_(-reach, reach)
    return (images + change).to(torch.uint8).contiguous()
