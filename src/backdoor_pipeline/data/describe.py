"""A block for `datasets.yml`, drawn up from a folder of pictures or of Parquet files as it lies there."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.picture import PictureError, UnclearPictureError, read_picture
from backdoor_pipeline.data.sources import find_split, get_source
from backdoor_pipeline.data.sources.base import Encoded, Split, unclear, unreadable
from backdoor_pipeline.data.sources.listing import some, subfolders
from backdoor_pipeline.data.sources.pictures import decode
from backdoor_pipeline.data.spec import Augmentation, ImageSpec

NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing", "val", "valid", "validation"),
}
SAMPLE = 2000  # pictures that size, channels, mean and deviation are taken from
SIZES = (28, 32, 48, 64, 96, 128, 224)  # to choose from where pictures differ, pixels
SHORTEST, LONGEST = SIZES[0], SIZES[-1]
PADDING = 1 / 8  # of the image's side, as 4 of 32


@dataclass(frozen=True, slots=True)
class Description:
    """What was found in a folder.

    Attributes:
        block: for `datasets.<name>`.
        counts: the images of each split.
        classes: their names, by label.
        sizes: width and height of the pictures looked at, and how many have them.
    """

    block: dict[str, Any]
    counts: dict[Split, int]
    classes: tuple[str, ...]
    sizes: Counter[tuple[int, int]]


def describe(folder: Path, name: str, raw: Path) -> Description:
    """Look through a data set of one's own.

    Args:
        folder: holds a folder per split with a folder per class, or Parquet of each split.
        name: what to call it.
        raw: the folder of raw data, `data/01_raw`: a set that lies elsewhere is named by its path.

    Raises:
        UserError: there are no two splits in it, or a file cannot be read.
    """
    source, options = _layout(folder)
    if folder.resolve() != (raw / name).resolve():
        options["folder"] = str(folder.resolve())
    draft = ImageSpec(
        name=name, source=source, options=options, num_classes=1_000_000, image_size=1, channels=3,
        mean=(0, 0, 0), std=(1, 1, 1), augmentation=Augmentation(crop_padding=0, horizontal_flip=False),
    )  # fmt: skip
    counts, classes = _labels(draft, raw)
    pictures = list(_sample(draft, raw, max(1, math.ceil(counts["train"] / SAMPLE))))
    seen = [_look(picture) for picture in pictures]
    sizes = Counter(size for size, _ in seen)
    channels, size = 3 if any(colored for _, colored in seen) else 1, _size(sizes)
    mean, std = _moments(decode(picture.data, (channels, size, size)) for picture in pictures)
    block = {
        "source": source, "options": options, "num_classes": len(classes), "image_size": size,
        "channels": channels, "mean": mean, "std": std,
        "augmentation": {"crop_padding": round(PADDING * size), "horizontal_flip": False},
    }  # fmt: skip
    return Description(block, counts, classes, sizes)


def _layout(folder: Path) -> tuple[str, dict[str, str]]:
    """The source that reads this folder, and its options."""
    folders = {name.lower(): name for name in subfolders(folder)}
    found = {split: [folders[name] for name in names if name in folders] for split, names in NAMES.items()}
    if all(found.values()) and subfolders(folder / found["train"][0]):
        return "folder", {split: names[0] for split, names in found.items()}
    shards = sorted(path.relative_to(folder) for path in folder.rglob("*.parquet"))
    parts = {split: _pattern(folder, shards, names) for split, names in NAMES.items()}
    if not all(parts.values()):
        raise UserError(
            f"{folder} needs `train/<class>/<picture>` and `test/<class>/<picture>`, or Parquet files whose "
            "names begin with `train` and `test`."
        )
    return "parquet", {split: pattern for split, pattern in parts.items() if pattern}


def _pattern(folder: Path, shards: list[Path], names: tuple[str, ...]) -> str | None:
    """The file, or the pattern of all files, whose name begins with the first of these names that any has."""
    for name in names:
        found = [path for path in shards if path.name.lower().startswith(name)]
        if len(found) < 2:
            if found:
                return str(found[0])
            continue
        pattern = str(found[0].parent / f"{found[0].name[: len(name)]}*.parquet")
        taken = {path.relative_to(folder) for path in folder.glob(pattern)}
        if left := [str(path) for path in found if path not in taken]:
            raise UserError(
                f"{folder}: one pattern, {pattern}, does not take {some(left)}: put them together."
            )
        return pattern
    return None


def _labels(draft: ImageSpec, raw: Path) -> tuple[dict[Split, int], tuple[str, ...]]:
    """The images of each split, and the names of the classes."""
    source, counts, highest = get_source(draft), {}, 0
    for split in NAMES:
        labels, classes = source.labels(draft, find_split(draft, raw, split), split)
        if not len(labels):
            raise UserError(f"the split `{split}` of {draft.options.get('folder', draft.name)} is empty.")
        counts[split], highest = len(labels), max(highest, int(labels.max()))
        if split == "train":
            names = classes
    return counts, names if len(names) < draft.num_classes else names[: highest + 1]


def _sample(draft: ImageSpec, raw: Path, every: int) -> Iterator[Encoded]:
    """Each n-th training picture."""
    yield from islice(get_source(draft).encoded(draft, find_split(draft, raw, "train")), 0, None, every)


def _look(picture: Encoded) -> tuple[tuple[int, int], bool]:
    """Width and height, and whether there is any color in it."""
    try:
        seen = read_picture(picture.data)
    except UnclearPictureError as error:
        raise unclear(picture.file, error) from error
    except PictureError as error:
        raise unreadable(picture.file, error) from error
    channels = {channel.tobytes() for channel in seen.split()}
    return seen.size, len(channels) > 1


def _size(sizes: Counter[tuple[int, int]]) -> int:
    """The side that all have, or the largest of `SIZES` that half of the pictures need not be enlarged to."""
    sides = {side for size in sizes for side in size}
    if len(sides) == 1 and SHORTEST <= (only := sides.pop()) <= LONGEST:
        return only
    middle = median(min(size) for size in sizes.elements())
    return max((size for size in SIZES if size <= middle), default=SHORTEST)


def _moments(images: Iterable[Tensor]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, pixels scaled to 0..1, of images of one size."""
    scaled = (image.double() / 255 for image in images)
    each = [torch.stack((pixels.mean((1, 2)), pixels.square().mean((1, 2)))) for pixels in scaled]
    mean, square = torch.stack(each).mean(0)
    std = (square - mean.square()).clamp(min=0).sqrt().clamp(min=0.001)
    return [round(value, 4) for value in mean.tolist()], [round(value, 4) for value in std.tolist()]
