"""Data sets as this project has them, and as others have them."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backdoor_pipeline.api.checks import FAILURES, brief, see_that_a_set_is_whole
from backdoor_pipeline.api.defaults import one_of
from backdoor_pipeline.api.files import as_path
from backdoor_pipeline.base.errors import UserError, quoted, user_error
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.texts import TextSet
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.experiment.resolve import dataset_spec

RAW = Path("data/01_raw")


def load_data(name: str, raw: str | Path = RAW, **changes: Any) -> Splits:
    """A data set by its name in `conf/base`: `.train` and `.test`, each read when it is asked for.

    Args:
        name: such as "digits", which comes with scikit-learn.
        raw: the folder of raw data.
        changes: of its block, such as `options={"folder": "/data/pictures"}`.

    Raises:
        UserError: it is not known; or, when it is asked for, not there or damaged.
    """
    blocks = base_parameters()["datasets"]
    if "source" not in changes:
        one_of(blocks, name, "data set")
    spec = dataset_spec(name, {**blocks.get(name, {}), **changes})
    return Splits(partial(load_split, spec, as_path(raw)))


def image_set(data: Any, labels: Any = None, classes: Sequence[str] | None = None) -> ImageSet:
    """Images and labels of any kind as an `ImageSet`, in memory.

    Args:
        data: an `ImageSet`, as it is; images as an array or a tensor, (N, C, H, W) or (N, H, W, C), uint8 or
            floats in [0, 1]; or a PyTorch data set of pairs, such as torchvision's with `ToTensor`.
        labels: whole numbers from 0, (N,); of arrays and tensors only.
        classes: the names of the classes; None: their numbers.

    Raises:
        UserError: the images or labels are of another kind, range or shape, or there are none.
    """
    made = data if isinstance(data, ImageSet) else _made(data, labels, classes)
    see_that_a_set_is_whole(made)
    return made


def _made(data: Any, labels: Any, classes: Sequence[str] | None) -> ImageSet:
    if labels is None:
        data, labels = _pairs(data)
    images, numbers = _as_bytes(_tensor(data, "images")), _as_labels(_tensor(labels, "labels"))
    if len(images) != len(numbers):
        raise UserError(f"there are {len(images)} images but {len(numbers)} labels: give as many.")
    named = range(int(numbers.max()) + 1) if classes is None else classes
    if isinstance(named, str) or not isinstance(named, Iterable):
        raise UserError(f"classes is {quoted(named)}: give a list of names.")
    return ImageSet(images, numbers, tuple(map(str, named)))


def samples_of(data: Any) -> SampleSet:
    """Images in any form that `image_set` takes, or a `TextSet`.

    Raises:
        UserError: see `image_set`.
    """
    if not isinstance(data, TextSet):
        return image_set(data)
    see_that_a_set_is_whole(data)
    return data


def _pairs(data: Any) -> tuple[Tensor, list[Any]]:
    """Images of a PyTorch data set, (N, ...), and their labels."""
    if isinstance(data, np.ndarray | Tensor):
        raise UserError("images need labels: give image_set(images, labels).")
    if isinstance(data, TextSet):
        raise UserError("these are texts: images are asked for.")
    try:
        pairs = [data[i] for i in range(len(data))]
        images = [torch.as_tensor(np.asarray(image)) for image, _ in pairs]
        return torch.stack(images) if images else torch.empty(0), [label for _, label in pairs]
    except FAILURES as error:
        raise user_error(error) or UserError(
            f"{type(data).__name__} is no data set of images of one size, each with a label: {brief(error)}."
        ) from error


def _tensor(given: Any, which: str) -> Tensor:
    try:
        return torch.as_tensor(given)
    except FAILURES as error:
        raise user_error(error) or UserError(
            f"the {which} are no array of numbers: {brief(error)}."
        ) from error


def _as_labels(labels: Tensor) -> Tensor:
    """Int64, (N,)."""
    whole = labels.long()
    if labels.dim() != 1:
        raise UserError(
            f"labels must be one whole number for each image, not of shape {tuple(labels.shape)}."
        )
    if not torch.equal(whole.to(labels.dtype), labels):
        raise UserError("labels must be whole numbers.")
    return whole


def _as_bytes(images: Tensor) -> Tensor:
    """Uint8, (N, C, H, W)."""
    if len(images.shape) and not images.numel():
        raise UserError("there are no samples: give at least one.")
    images = images.unsqueeze(1) if images.dim() == 3 else images  # gray ones
    if images.dim() != 4:
        raise UserError(f"images must be (N, C, H, W) or (N, H, W, C), not {tuple(images.shape)}.")
    if images.is_floating_point():
        if not (images.min() >= 0 and images.max() <= 1):  # so is what is no number
            raise UserError("float images must be in [0, 1]: give them before they are normalized.")
        images = (images * 255).round().byte()
    if images.dtype != torch.uint8:
        raise UserError(f"images must be uint8, or floats in [0, 1], not {images.dtype}.")
    if images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        images = images.permute(0, 3, 1, 2)
    return images.contiguous()
