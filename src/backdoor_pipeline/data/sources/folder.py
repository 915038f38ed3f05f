"""A folder of pictures per class, as ImageNet and most sets of one's own are kept."""

import os
from pathlib import Path

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, source, unreadable
from backdoor_pipeline.data.sources.pictures import EXTENSIONS
from backdoor_pipeline.data.sources.streaming import PictureFiles, fits_in_memory
from backdoor_pipeline.data.spec import DatasetSpec


@source("folder")
class Folder(Source):
    """`<train>/<class>/<picture>`, `<test>/<class>/<picture>`; classes are the sorted names under `<train>`.

    A split that would take more than `in_memory_gib` when decoded is read from the files as it is used.
    """

    required = frozenset({"train", "test"})
    optional = frozenset({"in_memory_gib"})

    def find(self, spec: DatasetSpec, folder: Path, split: Split) -> list[Path]:
        """[the folder of the split, the folder that names the classes]."""
        files = [folder / spec.options[split], folder / spec.options["train"]]
        for path in files:
            if not path.is_dir():
                raise UserError(
                    f"data set '{spec.name}' is not in {path}: it has to be put there by hand, "
                    f"with a folder per class, as {path}/<class>/<picture>."
                )
        return files

    def read(self, spec: DatasetSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures by class and file name: their shorter side fitted to the image size, the middle kept."""
        rows, classes = _rows(*files)
        pictures = PictureFiles([path for path, _ in rows], spec.image_shape, unreadable)
        labels = torch.tensor([label for _, label in rows], dtype=torch.int64)
        in_memory = fits_in_memory(len(pictures), spec.image_shape, spec.options)
        return ImageSet(pictures.load(f"{spec.name} {split}") if in_memory else pictures, labels, classes)

    def labels(self, spec: DatasetSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:  # noqa: ARG002
        """See `Source.labels`: the pictures are only counted."""
        rows, classes = _rows(*files)
        return torch.tensor([label for _, label in rows], dtype=torch.int64), classes


def _rows(root: Path, train: Path) -> tuple[list[tuple[Path, int]], tuple[str, ...]]:
    classes = _class_names(train)
    if strange := sorted(set(_class_names(root)) - set(classes)):
        raise UserError(f"{root / strange[0]} is no class of {train}: rename it or remove it.")
    return [(path, label) for label, name in enumerate(classes) for path in _pictures(root / name)], classes


def _class_names(root: Path) -> tuple[str, ...]:
    return tuple(sorted(e.name for e in os.scandir(root) if e.is_dir() and not e.name.startswith(".")))


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():  # a test split may lack a class
        return []
    names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    return [folder / name for name in names if os.path.splitext(name)[1].lower() in EXTENSIONS]
