"""A folder of pictures per class, as ImageNet and most sets of one's own are kept."""

from pathlib import Path

import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import ListedSource, Split, source, unreadable
from backdoor_pipeline.data.sources.listing import pictures_below, some, subfolders, tell_left_out
from backdoor_pipeline.data.sources.streaming import PictureFiles, fits_in_memory
from backdoor_pipeline.data.spec import ImageSpec


@source("folder")
class Folder(ListedSource):
    """`<train>/<class>/<picture>`, `<test>/<class>/<picture>`, at any depth below the class's folder.

    Classes are the names under `<train>`, numbers in them sorted as numbers. What is no picture is left out,
    with a warning. A split that would take more than `in_memory_gib` when decoded is read from the files as
    it is used.
    """

    required = frozenset({"train", "test"})
    optional = frozenset({"in_memory_gib"})

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """[the folder of the split, the folder that names the classes]."""
        files = [folder / spec.options[split], folder / spec.options["train"]]
        for path in files:
            if not path.is_dir():
                raise UserError(
                    f"data set '{spec.name}' is not in {path}: it has to be put there by hand, "
                    f"with a folder per class, as {path}/<class>/<picture>."
                )
        return files

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures by class and path: their shorter side fitted to the image size, the middle kept."""
        rows, classes = self.rows(spec, files, split)
        pictures = PictureFiles([path for path, _ in rows], spec.image_shape, unreadable)
        labels = torch.tensor([label for _, label in rows], dtype=torch.int64)
        in_memory = fits_in_memory(len(pictures), spec.image_shape, spec.options)
        return ImageSet(pictures.load(f"{spec.name} {split}") if in_memory else pictures, labels, classes)

    def rows(
        self, spec: ImageSpec, files: list[Path], split: Split
    ) -> tuple[list[tuple[Path, int]], tuple[str, ...]]:
        """Pictures and their labels, and the names of the classes."""
        root, train = files
        classes = tuple(subfolders(train))
        if strange := [name for name in subfolders(root) if name not in classes]:
            raise UserError(f"{root / strange[0]} is no class of {train}: rename it or remove it.")
        rows = _labelled(spec, root, classes)
        if split == "train":
            _refuse_empty(spec, root, classes, {label for _, label in rows})
        return rows, classes


def _labelled(spec: ImageSpec, root: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Pictures and their labels."""
    rows: list[tuple[Path, int]] = []
    others = [entry for entry in sorted(root.iterdir()) if entry.name not in classes]
    for label, name in enumerate(classes):
        if (root / name).is_dir():  # a test split may lack a class
            pictures, beside = pictures_below(root / name)
            rows += [(path, label) for path in pictures]
            others += beside
    tell_left_out(f"data set '{spec.name}'", root, others)
    return rows


def _refuse_empty(spec: ImageSpec, root: Path, classes: tuple[str, ...], found: set[int]) -> None:
    if empty := [name for label, name in enumerate(classes) if label not in found]:
        raise UserError(
            f"{len(empty)} of the {len(classes)} classes of data set '{spec.name}' have no picture in {root} "
            f"({some(empty)}): put some there, or remove these folders and set `num_classes`."
        )
