"""MNIST and Fashion-MNIST: idx files, gzipped or plain (LeCun's format, 28x28 gray)."""

import gzip
import zlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, class_numbers, damaged, missing, source
from backdoor_pipeline.data.spec import ImageSpec

DEBIAN_FASHION = Path("/usr/share/datasets/fashion-mnist")  # of the package dataset-fashion-mnist
PREFIX = {"train": "train", "test": "t10k"}
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


@source("mnist")
class Mnist(Source[ImageSpec]):
    """60,000 + 10,000 handwritten digits."""

    classes: ClassVar[tuple[str, ...]] = class_numbers(10)

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """[images, labels]."""
        files = idx_files(folder, split)
        if files is None:
            raise missing(spec, folder)
        return files

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:  # noqa: ARG002
        """Images (N, 1, 28, 28) and labels."""
        images, labels = (_parse(spec, path, dims) for path, dims in zip(files, (3, 1), strict=True))
        if len(images) != len(labels):
            reason = f"{len(labels)} labels for the {len(images)} images of {files[0].name}"
            raise damaged(spec, files[1], reason, files[1].parent)
        return ImageSet(torch.from_numpy(images)[:, None], torch.from_numpy(labels).long(), self.classes)

    def labels(self, spec: ImageSpec, files: list[Path], split: Split) -> tuple[Tensor, tuple[str, ...]]:  # noqa: ARG002
        """See `Source.labels`: from the file that has nothing else."""
        return torch.from_numpy(_parse(spec, files[1], 1)).long(), self.classes


@source("fashion_mnist")
class FashionMnist(Mnist):
    """60,000 + 10,000 pieces of clothing; Debian packages them too."""

    classes = GARMENTS

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """[images, labels], fetched or from Debian's package."""
        files = idx_files(folder, split) or idx_files(DEBIAN_FASHION, split)
        if files is None:
            raise missing(spec, folder, ", or install Debian's package `dataset-fashion-mnist`")
        return files


def idx_files(folder: Path, split: Split) -> list[Path] | None:
    """[images, labels] of a split, each gzipped or plain; None unless both are there."""
    found = []
    for kind in ("images-idx3", "labels-idx1"):
        name = f"{PREFIX[split]}-{kind}-ubyte"
        path = next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)
        if path is None:
            return None
        found.append(path)
    return found


def _parse(spec: ImageSpec, path: Path, dims: int) -> np.ndarray:
    """The array in an idx file: two zero bytes, type 8 (uint8), the rank, big-endian sizes, the values."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise _broken(spec, path, error) from error
    start = 4 + 4 * dims
    if len(data) < start or data[:4] != bytes([0, 0, 8, dims]):
        raise _broken(spec, path, f"not an idx file of {dims} dimensions")
    shape = np.frombuffer(data, ">u4", count=dims, offset=4).astype(np.int64)
    if len(data) - start != shape.prod():
        raise _broken(spec, path, f"{len(data) - start} values where its header says {shape.prod()}")
    return np.frombuffer(bytearray(data), np.uint8, offset=start).reshape(shape)


def _broken(spec: ImageSpec, path: Path, reason: object) -> UserError:
    if path.parent == DEBIAN_FASHION:
        return UserError(f"{path} is damaged ({reason}): reinstall the package `dataset-fashion-mnist`.")
    return damaged(spec, path, reason)
