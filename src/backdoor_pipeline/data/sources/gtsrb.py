"""German Traffic Sign Recognition Benchmark (Stallkamp et al., 2012): the official layout, or Kaggle's."""

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import (
    Source,
    Split,
    class_numbers,
    damaged,
    missing,
    source,
    unreadable,
)
from backdoor_pipeline.data.sources.listing import pictures_below, subfolders, tell_left_out
from backdoor_pipeline.data.sources.streaming import PictureFiles
from backdoor_pipeline.data.spec import ImageSpec

OFFICIAL_TRAIN = (
    "GTSRB/Final_Training/Images",
    "GTSRB/Training",
)  # all 39,209, or the contest's first 26,640
OFFICIAL_TEST = "GTSRB/Final_Test/Images"
OFFICIAL_ANSWERS = ("GT-final_test.csv", "GTSRB/GT-final_test.csv", f"{OFFICIAL_TEST}/GT-final_test.csv")
KAGGLE = {"train": "Train", "test": "Test"}
KAGGLE_ANSWERS = "Test.csv"
PICTURE_COLUMNS = ("Filename", "Path")  # official, Kaggle's
Broken = Callable[[Path, object], UserError]


@source("gtsrb")
class Gtsrb(Source[ImageSpec]):
    """39,209 + 12,630 pictures of 15 to 250 pixels, stretched to the square asked for; 43 classes."""

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """[the folder of pictures], and for the test split the table of its labels."""
        official = OFFICIAL_TRAIN if split == "train" else (OFFICIAL_TEST,)
        pictures = [folder / name for name in (*official, KAGGLE[split]) if (folder / name).is_dir()][:1]
        names = (KAGGLE_ANSWERS,) if pictures == [folder / KAGGLE["test"]] else OFFICIAL_ANSWERS
        answers = [folder / name for name in names if (folder / name).is_file()][:1]
        if not pictures or (split == "test" and not answers):
            raise missing(spec, folder)
        return pictures if split == "train" else pictures + answers

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:
        """Pictures in the order of class and file name (train), or of the table (test)."""
        root = files[0]
        put_by_hand = root.name in KAGGLE.values()
        broken = unreadable if put_by_hand else partial(damaged, spec, delete=root)
        rows = _rows(spec, files, split)
        pictures = PictureFiles([path for path, _ in rows], spec.image_shape, broken, stretch=True)
        labels = torch.tensor([label for _, label in rows], dtype=torch.int64)
        return ImageSet(pictures.load(spec.name), labels, class_numbers(spec.num_classes))

    def labels(self, spec: ImageSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:
        """See `Source.labels`: no picture is decoded."""
        labels = [label for _, label in _rows(spec, files, split)]
        return torch.tensor(labels, dtype=torch.int64), class_numbers(spec.num_classes)


def _rows(spec: ImageSpec, files: list[Path], split: Split) -> list[tuple[Path, int]]:
    root, *answers = files
    table = unreadable if root.name in KAGGLE.values() else partial(damaged, spec)
    return _train_rows(spec, root) if split == "train" else _test_rows(root, answers[0], table)


def _train_rows(spec: ImageSpec, root: Path) -> list[tuple[Path, int]]:
    rows, others = [], []
    for name in filter(str.isdecimal, subfolders(root)):
        pictures, beside = pictures_below(root / name)
        rows += [(path, int(name)) for path in pictures]
        others += [path for path in beside if path.suffix != ".csv"]  # each class has a table of its own
    tell_left_out(f"data set '{spec.name}'", root, others)
    return rows


def _test_rows(root: Path, answers: Path, broken: Broken) -> list[tuple[Path, int]]:
    """Pictures and labels of a table whose columns are parted by semicolons, commas or tabs."""
    try:
        text = answers.read_text(encoding="utf-8-sig")  # with or without a byte-order mark
        parted = max(";,\t", key=text.partition("\n")[0].count)
        table = csv.DictReader(io.StringIO(text), delimiter=parted, skipinitialspace=True)
        columns = [name for name in PICTURE_COLUMNS if name in (table.fieldnames or ())]
        if not columns or "ClassId" not in (table.fieldnames or ()):
            raise broken(answers, "not a table with Filename and ClassId")
        return [_test_row(root, row[columns[0]], row["ClassId"], table.line_num) for row in table]
    except (ValueError, csv.Error) as error:
        raise broken(answers, error) from error


def _test_row(root: Path, picture: str | None, label: str | None, line: int) -> tuple[Path, int]:
    if not picture or not (label or "").isdecimal():
        raise ValueError(f"line {line} does not have a picture and the number of a class")
    return root / Path(picture).name, int(label or 0)  # Kaggle's paths name the folder too
