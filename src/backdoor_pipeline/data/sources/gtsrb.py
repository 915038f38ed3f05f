"""German Traffic Sign Recognition Benchmark, the official layout of PPM files (Stallkamp et al., 2012)."""

import csv
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, class_numbers, damaged, missing, source
from backdoor_pipeline.data.sources.streaming import PictureFiles
from backdoor_pipeline.data.spec import DatasetSpec

TRAIN = ("GTSRB/Final_Training/Images", "GTSRB/Training")  # all 39,209, or the contest's first 26,640
TEST = "GTSRB/Final_Test/Images"
ANSWERS = ("GT-final_test.csv", "GTSRB/GT-final_test.csv", f"{TEST}/GT-final_test.csv")


@source("gtsrb")
class Gtsrb(Source):
    """39,209 + 12,630 pictures of 15 to 250 pixels, stretched to the square asked for; 43 classes."""

    def find(self, spec: DatasetSpec, folder: Path, split: Split) -> list[Path]:
        """[the folder of pictures], and for the test split the table of its labels."""
        choices = TRAIN if split == "train" else (TEST,)
        pictures = [folder / choice for choice in choices if (folder / choice).is_dir()][:1]
        answers = [folder / name for name in ANSWERS if (folder / name).is_file()][:1]
        if not pictures or (split == "test" and not answers):
            raise missing(spec, folder)
        return pictures if split == "train" else pictures + answers

    def read(self, spec: DatasetSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures in the order of class and file name (train), or of the table (test)."""
        rows = _rows(spec, files, split)
        error = partial(damaged, spec, delete=files[0])
        pictures = PictureFiles([path for path, _ in rows], spec.image_shape, error, stretch=True)
        labels = torch.tensor([label for _, label in rows], dtype=torch.int64)
        return ImageSet(pictures.load(spec.name), labels, class_numbers(spec.num_classes))

    def labels(self, spec: DatasetSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:
        """See `Source.labels`: no picture is decoded."""
        labels = [label for _, label in _rows(spec, files, split)]
        return torch.tensor(labels, dtype=torch.int64), class_numbers(spec.num_classes)


def _rows(spec: DatasetSpec, files: list[Path], split: Split) -> list[tuple[Path, int]]:
    return _train_rows(files[0]) if split == "train" else _test_rows(spec, *files)


def _train_rows(root: Path) -> list[tuple[Path, int]]:
    folders = sorted(path for path in root.iterdir() if path.is_dir() and path.name.isdigit())
    return [(path, int(folder.name)) for folder in folders for path in sorted(folder.glob("*.ppm"))]


def _test_rows(spec: DatasetSpec, root: Path, answers: Path) -> list[tuple[Path, int]]:
    try:
        with answers.open(newline="", encoding="utf-8") as lines:
            table = csv.DictReader(lines, delimiter=";", skipinitialspace=True)
            return [(root / row["Filename"], int(row["ClassId"])) for row in table]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        reason = "not a table with Filename and ClassId"
        raise damaged(spec, answers, reason) from error
