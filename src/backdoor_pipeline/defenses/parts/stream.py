"""A second source of batches or of augmented copies, for objectives that need more than their batch."""

from collections.abc import Callable, Iterator
from itertools import count

import torch
from torch import Tensor

from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.augment import augment
from backdoor_pipeline.training.batches import BatchSource, plan_batches


def endless(
    data: ImageSet, batch_size: int, trainer: Trainer, *, seed: int, purpose: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of the set, round after round, each round in an order of its own.

    Args:
        data: the set.
        batch_size: images per batch.
        trainer: the engine, whose device and augmentation they get.
        seed: the experiment's.
        purpose: another name gives other random numbers.

    Yields:
        Images, float32, (n, C, H, W), in [0, 1], and labels, int64, (n,), on the trainer's device.
    """
    source = BatchSource(data.images, data.labels, trainer.device)
    vary = varying(trainer, seed=seed, purpose=purpose)
    for number in count(1):
        order = torch.randperm(len(data), generator=generator(seed, purpose, "order", number))
        for images, labels, _ in source.batches(plan_batches(order, batch_size)):
            yield trainer.as_float(vary(images)), labels


def varying(trainer: Trainer, *, seed: int, purpose: str) -> Callable[[Tensor], Tensor]:
    """The trainer's augmentation, of images of any type on its device, with random numbers of its own."""
    augmentation = trainer.augmentation
    draws = generator(seed, purpose, "augment", device=trainer.device)
    return lambda images: augment(images, augmentation, draws) if augmentation else images
