"""A second source of batches or of augmented copies, for objectives that need more than their batch."""

from collections.abc import Callable, Iterator
from itertools import count

import torch
from torch import Tensor, nn

from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.augment import augment
from backdoor_pipeline.training.batches import BatchSource, are_ids, plan_batches
from backdoor_pipeline.training.reading import as_read


def endless(
    data: ImageSet,
    batch_size: int,
    trainer: Trainer,
    *,
    seed: int,
    purpose: str,
    reader: nn.Module | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of the set, round after round, each round in an order of its own.

    Args:
        data: the set.
        batch_size: images per batch.
        trainer: the engine, whose device and augmentation they get.
        seed: the experiment's.
        purpose: another name gives other random numbers.
        reader: the model that reads them, needed of texts.

    Yields:
        Images, float32, (n, C, H, W), in [0, 1], or token ids, int64, (n, L), padded with 0; and labels,
        int64, (n,); on the trainer's device.
    """
    inputs = as_read(reader, data.inputs) if reader else data.images
    source = BatchSource(inputs, data.labels, trainer.device)
    vary = varying(trainer, seed=seed, purpose=purpose)
    for number in count(1):
        order = torch.randperm(len(data), generator=generator(seed, purpose, "order", number))
        for stored, labels, _ in source.batches(plan_batches(order, batch_size)):
            yield stored if are_ids(stored) else trainer.as_float(vary(stored)), labels


def varying(trainer: Trainer, *, seed: int, purpose: str) -> Callable[[Tensor], Tensor]:
    """The trainer's augmentation, of images of any type on its device, with random numbers of its own."""
    augmentation = trainer.augmentation
    draws = generator(seed, purpose, "augment", device=trainer.device)
    return lambda images: augment(images, augmentation, draws) if augmentation else images
