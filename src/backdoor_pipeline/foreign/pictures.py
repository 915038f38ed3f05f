"""Somebody else's labelled images: a folder of pictures, Parquet, or arrays in an npz or a PyTorch file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.samples import images_of
from backdoor_pipeline.data.sources import get_source, load_split
from backdoor_pipeline.data.sources.base import ListedSource, class_numbers
from backdoor_pipeline.data.sources.listing import some, subfolders
from backdoor_pipeline.data.sources.naming import ClassNames
from backdoor_pipeline.data.spec import ImageSpec
from backdoor_pipeline.foreign.tensors import read_tensors

IMAGES, LABELS, POISONED, TARGETS = "images", "labels", "poisoned", "targets"  # arrays of an npz file


@dataclass(frozen=True, slots=True)
class Pictures:
    """What was found.

    Attributes:
        images: with the labels as given.
        names: of the pictures below their folder, such as `cat/1.png`; elsewhere there are none.
        poisoned: rows that are known to be poisoned: bool, (N,); None: nothing is known.
        targets: of triggered test images, the labels that the attacker wants: int64, (N,); None: unsaid.
    """

    images: ImageSet
    names: tuple[str, ...] = ()
    poisoned: Tensor | None = None
    targets: Tensor | None = None


def read_pictures(path: Path, spec: ImageSpec, classes: tuple[str, ...]) -> Pictures:
    """All pictures in a file or a folder.

    Args:
        path: a folder `<class>/<picture>`; Parquet as `kedro data` takes it; an npz file with the arrays
            `images` and `labels`, and perhaps `poisoned` and `targets`.
        spec: of the data set that they belong to: size and channels.
        classes: of that data set, by label; those of a folder or of Parquet are matched by name.

    Raises:
        UserError: they are none, or not of this data set.
    """
    if path.is_dir():
        return _from_folder(path, spec, classes)
    if path.suffix == ".parquet":
        return Pictures(_of_source(_placed(path, spec, "parquet"), _named(classes)))
    if path.suffix == ".npz":
        return _from_arrays(_arrays(path), path, spec, classes)
    if path.suffix in (".pt", ".pth"):
        return _from_arrays(_of_backdoorbench(path), path, spec, classes)
    raise UserError(f"{path} is no folder, no Parquet and no npz file of images and labels.")


def _from_folder(path: Path, spec: ImageSpec, classes: tuple[str, ...]) -> Pictures:
    names = subfolders(path)
    if strange := [name for name in names if name not in classes]:
        raise UserError(
            f"{path / strange[0]} is no class of the data set '{spec.name}', which has {some(classes)}: call "
            "the folders as its classes."
        )
    if not names:
        raise UserError(f"{path} has no folder of pictures for any class of '{spec.name}'.")
    placed = _placed(path, spec, "folder").model_copy(update={"num_classes": len(names)})
    found, source = _of_source(placed), get_source(placed)
    assert isinstance(source, ListedSource)
    rows, order = source.rows(placed, [path, path], "test")
    labels = torch.tensor([classes.index(name) for name in order])[found.labels]
    files = tuple(file.relative_to(path).as_posix() for file, _ in rows)
    return Pictures(ImageSet(found.images, labels, classes), files)


def _of_source(spec: ImageSpec, trained: ClassNames | None = None) -> ImageSet:
    return images_of(load_split(spec, Path(), "test", trained))  # unlike a training set, it may lack a class


def _named(classes: tuple[str, ...]) -> ClassNames:
    return ClassNames(classes, "counted" if classes == class_numbers(len(classes)) else "listed")


def _placed(path: Path, spec: ImageSpec, source: str) -> ImageSpec:
    """The data set, if it lay in this place; errors name the place."""
    whole = path.resolve()
    options = {"folder": str(whole.parent), "train": whole.name, "test": whole.name}
    update = {"name": whole.name, "source": source, "options": options, "train_images": None}
    return spec.model_copy(update=update)


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path} is no npz file of plain arrays ({error}).") from error


def _of_backdoorbench(path: Path) -> dict[str, Any]:
    """The training set in BackdoorBench's `attack_result.pt`, if it is there as tensors."""
    found = read_tensors(path)
    if not {"bd_train.x", "bd_train.y"} <= found.keys():
        raise UserError(
            f"{path} holds no images that can be read without executing code: with BackdoorBench's own "
            "load_attack_result, save them by numpy.savez('theirs.npz', images=..., labels=...), and import "
            "that."
        )
    images, labels, clean = found["bd_train.x"], found["bd_train.y"], found.get("clean_train.x")
    arrays = {IMAGES: _in_bytes(images).numpy(), LABELS: labels.numpy()}
    if clean is not None and clean.shape == images.shape:
        arrays[POISONED] = (clean != images).flatten(1).any(1).numpy()
    return arrays


def _in_bytes(images: Tensor) -> Tensor:
    """Float images in [0, 1] as uint8."""
    return (images * 255).round().byte() if images.is_floating_point() else images


def _from_arrays(arrays: dict[str, Any], path: Path, spec: ImageSpec, classes: tuple[str, ...]) -> Pictures:
    if absent := {IMAGES, LABELS} - arrays.keys():
        raise UserError(
            f"{path} lacks the array '{min(absent)}'; it has {', '.join(sorted(arrays)) or 'none'}."
        )
    images, labels = torch.from_numpy(arrays[IMAGES]), torch.from_numpy(arrays[LABELS]).long()
    if images.dim() == 4 and tuple(images.shape[1:]) != spec.image_shape:
        images = images.permute(0, 3, 1, 2)
    if images.dtype != torch.uint8 or tuple(images.shape[1:]) != spec.image_shape:
        wanted = "x".join(map(str, spec.image_shape))
        raise UserError(f"{path}: images must be uint8, (N, C, H, W) or (N, H, W, C), of {wanted}.")
    if (
        labels.shape != (len(images),)
        or not len(images)
        or not 0 <= labels.min() <= labels.max() < len(classes)
    ):
        raise UserError(f"{path}: labels must be {len(images)} whole numbers from 0 to {len(classes) - 1}.")
    targets = torch.from_numpy(arrays[TARGETS]).long() if TARGETS in arrays else None
    poisoned = torch.from_numpy(arrays[POISONED]).bool() if POISONED in arrays else None
    for name, one in ((TARGETS, targets), (POISONED, poisoned)):
        if one is not None and one.shape != labels.shape:
            raise UserError(f"{path}: {name} must have one value for each of the {len(images)} images.")
    if targets is not None and not 0 <= targets.min() <= targets.max() < len(classes):
        raise UserError(f"{path}: targets must be whole numbers from 0 to {len(classes) - 1}.")
    return Pictures(ImageSet(images.contiguous(), labels, classes), (), poisoned, targets)
