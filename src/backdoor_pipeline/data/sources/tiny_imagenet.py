"""Tiny ImageNet: 200 classes of 64x64 JPEGs (Stanford CS231n). Its validation set is the test set."""

from functools import partial
from pathlib import Path

import torch

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import ListedSource, Split, damaged, missing, read_lines, source
from backdoor_pipeline.data.sources.listing import pictures_below, tell_left_out
from backdoor_pipeline.data.sources.streaming import PictureFiles
from backdoor_pipeline.data.spec import ImageSpec

DIRECTORY = "tiny-imagenet-200"


@source("tiny_imagenet")
class TinyImageNet(ListedSource):
    """100,000 + 10,000 pictures; classes are WordNet ids in the order of wnids.txt."""

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """[wnids.txt, the training folder], or [wnids.txt, the test labels, the test folder]."""
        root = folder / DIRECTORY
        if not root.is_dir():
            raise missing(spec, folder)
        parts = ["train"] if split == "train" else ["val/val_annotations.txt", "val/images"]
        files = [root / name for name in ("wnids.txt", *parts)]
        for path in files:
            if not path.exists():
                raise damaged(spec, path, "absent", root)
        return files

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures by class and file name (train), or in the order of the labels' file (test)."""
        rows, classes = self.rows(spec, files, split)
        pictures = PictureFiles(
            [path for path, _ in rows], spec.image_shape, partial(damaged, spec, delete=files[0].parent)
        )
        labels = torch.tensor([label for _, label in rows], dtype=torch.int64)
        return ImageSet(pictures.load(spec.name), labels, classes)

    def rows(
        self, spec: ImageSpec, files: list[Path], split: Split
    ) -> tuple[list[tuple[Path, int]], tuple[str, ...]]:
        """See `ListedSource.rows`."""
        wnids, *parts = files
        classes = read_lines(wnids)
        read = _train_rows if split == "train" else _test_rows
        return read(spec, classes, *parts), classes


def _train_rows(spec: ImageSpec, classes: tuple[str, ...], root: Path) -> list[tuple[Path, int]]:
    rows, others = [], []
    for label, wnid in enumerate(classes):
        folder = root / wnid / "images"
        if not folder.is_dir():
            raise damaged(spec, folder, "absent", root.parent)
        pictures, beside = pictures_below(folder)
        rows += [(path, label) for path in pictures]
        others += beside
    tell_left_out(f"data set '{spec.name}'", root, others)
    return rows


def _test_rows(
    spec: ImageSpec, classes: tuple[str, ...], annotations: Path, pictures: Path
) -> list[tuple[Path, int]]:
    """Rows of `name <tab> wnid <tab> box`."""
    number = {wnid: label for label, wnid in enumerate(classes)}
    try:
        fields = [line.split("\t") for line in read_lines(annotations)]
        return [(pictures / name, number[wnid]) for name, wnid, *_ in fields]
    except (KeyError, ValueError) as error:
        raise damaged(spec, annotations, "not rows of picture and class", annotations.parents[1]) from error
