"""What the functions here are handed, checked before any work: what cannot be is one sentence (P8)."""

from typing import Any

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.data.texts import Texts, TextSet

FAILURES = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)  # of others' code


def brief(error: BaseException) -> str:
    """What somebody else's code objects to, as a part of a sentence."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def kind_of_samples(data: SampleSet | PoisonedRows) -> Kind:
    """Whether these are images or texts."""
    return "text" if isinstance(data.inputs, Texts) else "image"


def see_that_labels_are_classes(labels: Tensor, classes: int) -> None:
    """See that labels are int64, (N,), 0..K-1, and that there are any.

    Args:
        labels: one for each sample.
        classes: K.

    Raises:
        UserError: they are not.
    """
    if labels.dim() != 1 or labels.dtype != torch.int64:
        shape = tuple(labels.shape)
        raise UserError(f"labels must be int64, one for each sample, not {labels.dtype} of shape {shape}.")
    if len(labels) == 0:
        raise UserError("there are no samples: give at least one.")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise UserError(f"the labels are from {low} to {high}, not within 0 to {classes - 1}: relabel them.")


def see_that_a_set_is_whole(data: SampleSet) -> None:
    """See that a data set which somebody put together is as it says of itself.

    Raises:
        UserError: its images are not uint8, (N, C, H, W), its texts no `Texts`, or its labels no classes.
    """
    if isinstance(data, TextSet):
        if not isinstance(data.texts, Texts):
            raise UserError("the texts of a TextSet must be Texts: TextSet(Texts((...)), labels, classes).")
    elif len(data.images.shape) != 4 or (len(data) and data.images[:1].dtype != torch.uint8):
        raise UserError("the images of an ImageSet must be uint8, (N, C, H, W): see image_set.")
    see_that_labels_are_classes(data.labels, len(data.classes))


def see_that_they_are_rows(given: Any) -> None:
    """See that these are changed rows.

    Raises:
        UserError: they are not, such as a whole `Poison`.
    """
    if not isinstance(given, PoisonedRows):
        kind = type(given).__name__
        raise UserError(f"{kind} has no changed rows: give the `.train` or `.test` of what poison(...) made.")


def see_that_they_are_alike(rows: SampleSet | PoisonedRows, data: SampleSet, which: str, whose: str) -> None:
    """The same as `see_that_they_look_alike`, and that their labels are among the classes of the others."""
    see_that_they_look_alike(rows, data, which, whose)
    highest = int(rows.labels.max()) if len(rows) else 0
    if highest >= len(data.classes):
        raise UserError(f"the {which} have labels up to {highest}, the {whose} {len(data.classes)} classes.")


def see_that_they_look_alike(rows: SampleSet | PoisonedRows, data: SampleSet, which: str, whose: str) -> None:
    """See that samples are of the kind and the size of others.

    Args:
        rows: the samples; there may be none.
        data: the others.
        which: what the former are, in the plural, for the message.
        whose: what the latter are, likewise.

    Raises:
        UserError: they are not.
    """
    if kind_of_samples(rows) != kind_of_samples(data):
        raise UserError(f"the {which} are {kind_of_samples(rows)}s, the {whose} {kind_of_samples(data)}s.")
    if isinstance(data, ImageSet):
        one, other = (sized(samples.inputs.shape[1:]) for samples in (rows, data))  # type: ignore[union-attr]
        if one != other:
            raise UserError(f"the {which} are of {one} (channels, height, width), the {whose} of {other}.")


def sized(shape: Any) -> str:
    """A shape as a message shows it, such as 3x32x32."""
    return "x".join(map(str, shape))
