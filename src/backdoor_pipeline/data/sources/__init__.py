"""Where images and texts come from: one loader per format, one function that calls them all."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.share import proportional, see_that_there_are
from backdoor_pipeline.data.sources import (
    cifar,
    digits,
    embedded,
    folder,
    gtsrb,
    made_reviews,
    mnist,
    parquet,
    svhn,
    texts,
    tiny_imagenet,
)
from backdoor_pipeline.data.sources.base import SOURCES, Source, Split, get_source, source
from backdoor_pipeline.data.sources.listing import some
from backdoor_pipeline.data.sources.naming import ClassNames, as_in_training
from backdoor_pipeline.data.spec import DatasetSpec, ImageSpec

__all__ = [
    "SOURCES",
    "Source",
    "Split",
    "find_split",
    "folder_of",
    "get_source",
    "load_split",
    "source",
    "split_labels",
]

logger = logging.getLogger(__name__)

# importing one registers it
LOADERS = (
    cifar, digits, embedded, folder, gtsrb, made_reviews, mnist, parquet, svhn, texts, tiny_imagenet
)  # fmt: skip


def folder_of(spec: DatasetSpec, raw: Path) -> Path:
    """The folder of a data set: its `options.folder`, or else its name, in that of raw data."""
    return raw / spec.options.get("folder", spec.name)


def find_split(spec: DatasetSpec, raw: Path, split: Split) -> list[Path]:
    """The files of a split, unopened; none for a set that comes with a package.

    Args:
        spec: the data set.
        raw: the folder of raw data.
        split: "train" or "test".

    Raises:
        UserError: if it is not there, with how to get it; or if the source or its options are wrong.
    """
    return get_source(spec).find(spec, folder_of(spec, raw), split)


def load_split(spec: DatasetSpec, raw: Path, split: Split, trained: ClassNames | None = None) -> SampleSet:
    """One split of a data set, checked against what its settings say.

    Args:
        spec: the data set.
        raw: the folder of raw data, `data/01_raw`.
        split: "train" or "test".
        trained: how the training set names its classes; None: as its own files do.

    Returns:
        uint8 images (N, C, H, W) or texts, labels 0..K-1, and K class names; of the training set,
        `spec.train_images`.

    Raises:
        UserError: if it is missing, damaged, or not as the settings say.
    """
    files = find_split(spec, raw, split)
    samples: SampleSet = get_source(spec).read(spec, files, split)
    if split == "test" and (own := get_source(spec).class_names(spec, files)):
        trained = trained or get_source(spec).class_names(spec, find_split(spec, raw, "train")) or own
        labels = as_in_training(samples.labels, own, trained, _who(spec, split))
        samples = replace(samples, labels=labels, classes=trained.names)
    _check_labels(spec, split, samples.labels, samples.classes)
    if isinstance(spec, ImageSpec) and isinstance(samples, ImageSet):
        _check_shape(spec, split, samples)
    if split == "train" and spec.train_images is not None:
        see_that_there_are(spec.train_images, len(samples), spec.name)
        samples = samples.subset(proportional(samples.labels, spec.train_images))
    _tell_absent_classes(spec, split, samples)
    return samples


def split_labels(spec: DatasetSpec, found: Mapping[Split, list[Path]], split: Split) -> Tensor:
    """The labels of a split as `load_split` has them, of all its samples.

    Args:
        spec: the data set.
        found: the files of both splits, see `find_split`.
        split: "train" or "test".

    Raises:
        UserError: see `load_split`.
    """
    source = get_source(spec)
    labels, classes = source.labels(spec, found[split], split)
    if split == "test" and (own := source.class_names(spec, found[split])):
        trained = source.class_names(spec, found["train"]) or own
        labels, classes = as_in_training(labels, own, trained, _who(spec, split)), trained.names
    _check_labels(spec, split, labels, classes)
    return labels


def _tell_absent_classes(spec: DatasetSpec, split: Split, samples: SampleSet) -> None:
    counts = samples.labels.bincount(minlength=spec.num_classes).tolist()
    if absent := [name for name, count in zip(samples.classes, counts, strict=True) if count == 0]:
        logger.warning(
            "%s has no %s of %d of %d classes: %s",
            _who(spec, split), spec.kind_of_samples, len(absent), spec.num_classes, some(absent),
        )  # fmt: skip


def _check_labels(spec: DatasetSpec, split: Split, labels: Tensor, classes: tuple[str, ...]) -> None:
    who = _who(spec, split)
    if len(labels) == 0:
        raise UserError(f"{who} is empty: check its `options` and its files.")
    if len(classes) != spec.num_classes:
        found = len(classes)
        raise UserError(f"{who} has {found} classes, not {spec.num_classes}: set `num_classes: {found}`.")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= spec.num_classes:
        raise UserError(
            f"{who} has labels from {low} to {high}, not within 0 to {spec.num_classes - 1}: "
            "relabel it, or choose another label column or `num_classes`."
        )


def _check_shape(spec: ImageSpec, split: Split, images: ImageSet) -> None:
    channels, height, width = images.image_shape
    if images.image_shape != spec.image_shape:
        expected = "x".join(map(str, spec.image_shape))
        raise UserError(
            f"{_who(spec, split)} has images of {channels}x{height}x{width} (channels, height, width), not "
            f"{expected}: set `channels` and `image_size` to match."
        )


def _who(spec: DatasetSpec, split: Split) -> str:
    return f"the {split} split of data set '{spec.name}'"
