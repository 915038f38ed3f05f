"""The part of the clean set that a defense does not learn from, to judge its own choices by."""

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.share import proportional
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer

ROUNDING = 1e-9  # 0.9 of an accuracy, as floats, may miss a 9 / 10 by the last bit


def split_clean(clean: ImageSet, share: float, seed: int, purpose: str) -> tuple[ImageSet, ImageSet]:
    """The clean set in two: what is learned from, and what is held out.

    Args:
        clean: what the defender trusts.
        share: held out, of every class alike to within one image; at least one image stays on either side.
        seed: the experiment's.
        purpose: the defense; another name draws other images.

    Raises:
        UserError: there is only one clean image.
    """
    see_that_it_can_be_split(len(clean))
    count = min(max(1, round(share * len(clean))), len(clean) - 1)
    shuffled = torch.randperm(len(clean), generator=generator(seed, purpose, "held out"))
    held_out = torch.zeros(len(clean), dtype=torch.bool)
    held_out[shuffled[proportional(clean.labels[shuffled], count)]] = True
    return clean.subset((~held_out).nonzero().flatten()), clean.subset(held_out.nonzero().flatten())


def see_that_it_can_be_split(clean: int) -> None:
    """See that a clean set of this size can be split in two.

    Raises:
        UserError: there is only one clean image.
    """
    if clean < 2:
        raise UserError("one clean image cannot be both learned from and held out: raise clean_ratio.")


def right_answers(trainer: Trainer, model: Classifier, data: ImageSet) -> Tensor:
    """Which images the model gives their label: bool, (N,)."""
    return trainer.predict(model, data.inputs) == data.labels


def tolerable(accuracy: float, before: float, tolerance: float) -> bool:
    """Whether an accuracy is at most `tolerance`, a fraction of what it was before, below that."""
    return accuracy >= (1 - tolerance) * before - ROUNDING


def surely_tolerable(right: Tensor, before: Tensor, tolerance: float) -> bool:
    """The same with one standard error to spare, which of few held-out images is not small.

    Args:
        right: which held-out images are classified correctly, bool, (N,).
        before: which of them were before, bool, (N,).
        tolerance: the fraction of the accuracy that may be lost.
    """
    lost = before.double() - right.double()  # image by image: what both get right or wrong adds no error
    error = lost.std(correction=0) / len(lost) ** 0.5
    return bool(lost.mean() + error <= tolerance * before.double().mean() + ROUNDING)
