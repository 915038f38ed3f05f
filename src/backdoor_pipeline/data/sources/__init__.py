"""Where images come from: one loader per format, one function that calls them all."""

import logging
from pathlib import Path

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.share import proportional
from backdoor_pipeline.data.sources import (
    cifar,
    digits,
    embedded,
    folder,
    gtsrb,
    mnist,
    parquet,
    svhn,
    tiny_imagenet,
)
from backdoor_pipeline.data.sources.base import SOURCES, Source, Split, get_source, source
from backdoor_pipeline.data.sources.listing import some
from backdoor_pipeline.data.sources.naming import as_in_training
from backdoor_pipeline.data.spec import DatasetSpec

__all__ = ["SOURCES", "Source", "Split", "find_split", "get_source", "load_split", "source"]

logger = logging.getLogger(__name__)

# importing one registers it
LOADERS = (cifar, digits, embedded, folder, gtsrb, mnist, parquet, svhn, tiny_imagenet)


def find_split(spec: DatasetSpec, raw: Path, split: Split) -> list[Path]:
    """The files of a split, unopened; none for a set that comes with a package.

    Args:
        spec: the data set.
        raw: the folder of raw data; the set is in its `options.folder`, or else its name.
        split: "train" or "test".

    Raises:
        UserError: if it is not there, with how to get it; or if the source or its options are wrong.
    """
    return get_source(spec).find(spec, raw / spec.options.get("folder", spec.name), split)


def load_split(spec: DatasetSpec, raw: Path, split: Split) -> ImageSet:
    """One split of a data set, checked against what its settings say.

    Args:
        spec: the data set.
        raw: the folder of raw data, `data/01_raw`.
        split: "train" or "test".

    Returns:
        uint8 images (N, C, H, W), labels 0..K-1, and K class names; of the training set, `spec.train_images`.

    Raises:
        UserError: if it is missing, damaged, or not as the settings say.
    """
    files = find_split(spec, raw, split)
    images = get_source(spec).read(spec, files, split)
    if split == "test":
        images = _as_in_training(spec, raw, files, images)
    _check(spec, split, images)
    if split == "train" and spec.train_images is not None:
        images = _share(images, spec.train_images, spec.name)
    _tell_absent_classes(spec, split, images)
    return images


def _as_in_training(spec: DatasetSpec, raw: Path, files: list[Path], test: ImageSet) -> ImageSet:
    own = get_source(spec).class_names(spec, files)
    trained = get_source(spec).class_names(spec, find_split(spec, raw, "train")) if own else None
    return as_in_training(test, own, trained, _who(spec, "test")) if own and trained else test


def _tell_absent_classes(spec: DatasetSpec, split: Split, images: ImageSet) -> None:
    counts = images.labels.bincount(minlength=spec.num_classes).tolist()
    if absent := [name for name, count in zip(images.classes, counts, strict=True) if count == 0]:
        logger.warning(
            "%s has no image of %d of %d classes: %s",
            _who(spec, split), len(absent), spec.num_classes, some(absent),
        )  # fmt: skip


def _who(spec: DatasetSpec, split: Split) -> str:
    return f"the {split} split of data set '{spec.name}'"


def _share(images: ImageSet, count: int, name: str) -> ImageSet:
    if count > len(images):
        raise UserError(f"train_images is {count:,}, but {name} has {len(images):,} training images.")
    return images.subset(proportional(images.labels, count))


def _check(spec: DatasetSpec, split: Split, images: ImageSet) -> None:
    who = _who(spec, split)
    if len(images) == 0:
        raise UserError(f"{who} is empty: check its `options` and its files.")
    if len(images.classes) != spec.num_classes:
        found = len(images.classes)
        raise UserError(f"{who} has {found} classes, not {spec.num_classes}: set `num_classes: {found}`.")
    channels, height, width = images.image_shape
    if images.image_shape != spec.image_shape:
        expected = "x".join(map(str, spec.image_shape))
        raise UserError(
            f"{who} has images of {channels}x{height}x{width} (channels, height, width), not {expected}: "
            "set `channels` and `image_size` to match."
        )
    low, high = int(images.labels.min()), int(images.labels.max())
    if low < 0 or high >= spec.num_classes:
        raise UserError(
            f"{who} has labels from {low} to {high}, not within 0 to {spec.num_classes - 1}: "
            "relabel it, or choose another label column or `num_classes`."
        )
