"""CIFAR-10 and CIFAR-100 in their binary versions: label bytes, then 3,072 pixels (Krizhevsky, 2009)."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, damaged, missing, read_lines, source
from backdoor_pipeline.data.spec import ImageSpec

PIXELS = 3 * 32 * 32


class _Cifar(Source[ImageSpec]):
    """What the two have in common.

    Attributes:
        directory: what the archive unpacks to.
        pickled: what the archive of the Python version unpacks to; pickles are never read.
        names: the file of class names.
        label_bytes: per record; the last one is the label.
    """

    directory: ClassVar[str]
    pickled: ClassVar[str]
    names: ClassVar[str]
    label_bytes: ClassVar[int]

    @staticmethod
    @abstractmethod
    def batches(split: Split) -> list[str]:
        """The names of a split's files."""

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:
        """The batches, then the class names."""
        root = folder / self.directory
        if not root.is_dir():
            if (folder / self.pickled).is_dir():
                pickle = f" for the binary version: {self.pickled} is pickled, which is never read"
                raise missing(spec, folder, pickle)
            raise missing(spec, folder)
        files = [root / name for name in (*self.batches(split), self.names)]
        for path in files:
            if not path.is_file():
                raise damaged(spec, path, "absent", root)
        return files

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:  # noqa: ARG002
        """Images (N, 3, 32, 32) and labels."""
        *batches, names = files
        records = torch.from_numpy(np.concatenate([self._records(spec, path) for path in batches]))
        labels = records[:, self.label_bytes - 1].long()
        images = records[:, self.label_bytes :].reshape(-1, 3, 32, 32)
        return ImageSet(images, labels, read_lines(names))

    def _records(self, spec: ImageSpec, path: Path) -> np.ndarray:
        size = self.label_bytes + PIXELS
        data = np.fromfile(path, np.uint8)
        if len(data) == 0 or len(data) % size:
            raise damaged(spec, path, f"{len(data)} bytes is no multiple of {size}", path.parent)
        return data.reshape(-1, size)


@source("cifar10")
class Cifar10(_Cifar):
    """50,000 + 10,000 images of 10 classes."""

    directory, pickled = "cifar-10-batches-bin", "cifar-10-batches-py"
    names, label_bytes = "batches.meta.txt", 1

    @staticmethod
    def batches(split: Split) -> list[str]:
        """Five training batches, one of testing."""
        return ["test_batch.bin"] if split == "test" else [f"data_batch_{n}.bin" for n in range(1, 6)]


@source("cifar100")
class Cifar100(_Cifar):
    """50,000 + 10,000 images of 100 classes (the fine labels; the coarse one comes first)."""

    directory, pickled = "cifar-100-binary", "cifar-100-python"
    names, label_bytes = "fine_label_names.txt", 2

    @staticmethod
    def batches(split: Split) -> list[str]:
        """One file each."""
        return [f"{split}.bin"]
