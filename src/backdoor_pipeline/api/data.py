"""Data sets as this project has them, as others have them, and as PyTorch wants them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from backdoor_pipeline.api.files import inside, told
from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows, overlay
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.table import read_rows
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.experiment.resolve import dataset_spec

RAW = Path("data/01_raw")


def load_data(name: str, raw: str | Path = RAW, **changes: Any) -> Splits:
    """A data set by its name in `conf/base`: `.train` and `.test`, each read when it is asked for.

    Args:
        name: such as "digits", which comes with scikit-learn.
        raw: the folder of raw data.
        changes: of its block, such as `options={"folder": "/data/pictures"}`.

    Raises:
        UserError: it is not known; or, when it is asked for, not there or damaged.
    """
    blocks = base_parameters()["datasets"]
    if name not in blocks and "source" not in changes:
        raise unknown("data set", name, blocks)
    spec = dataset_spec(name, {**blocks.get(name, {}), **changes})
    return Splits(partial(load_split, spec, Path(raw)))


def image_set(data: Any, labels: Any = None, classes: Sequence[str] | None = None) -> ImageSet:
    """Images and labels of any kind as an `ImageSet`, in memory.

    Args:
        data: an `ImageSet`, as it is; images as an array or a tensor, (N, C, H, W) or (N, H, W, C), uint8 or
            floats in [0, 1]; or a PyTorch data set of pairs, such as torchvision's with `ToTensor`.
        labels: whole numbers from 0, (N,); of arrays and tensors only.
        classes: the names of the classes; None: their numbers.

    Raises:
        UserError: the images are of another kind, range or shape.
    """
    if isinstance(data, ImageSet):
        return data
    if labels is None:
        pairs = [data[i] for i in range(len(data))]
        data = torch.stack([torch.as_tensor(np.asarray(image)) for image, _ in pairs])
        labels = [label for _, label in pairs]
    images, numbers = _as_bytes(torch.as_tensor(data)), torch.as_tensor(labels).long()
    names = classes or [str(k) for k in range(int(numbers.max()) + 1)]
    return ImageSet(images, numbers, tuple(names))


def _as_bytes(images: Tensor) -> Tensor:
    """Uint8, (N, C, H, W)."""
    images = images.unsqueeze(1) if images.dim() == 3 else images  # gray ones
    if images.dim() != 4:
        raise UserError(f"images must be (N, C, H, W) or (N, H, W, C), not {tuple(images.shape)}.")
    if images.is_floating_point():
        if images.min() < 0 or images.max() > 1:
            raise UserError("float images must be in [0, 1]: give them before they are normalized.")
        images = (images * 255).round().byte()
    if images.dtype != torch.uint8:
        raise UserError(f"images must be uint8, or floats in [0, 1], not {images.dtype}.")
    if images.shape[1] not in (1, 3) and images.shape[3] in (1, 3):
        images = images.permute(0, 3, 1, 2)
    return images.contiguous()


class PoisonedDataset(Dataset[tuple[Any, int]]):
    """Poisoned samples for PyTorch's loaders: a float image (C, H, W) in [0, 1] or a sentence, and its label.

    Attributes:
        samples: the rows that an attack changed, or the whole training set, the changed rows laid over it.
        rows: the changed rows, with their true labels.
        poisoned: which of the samples are poisoned: bool, (N,); the others are clean, or cross samples.
    """

    def __init__(self, rows: PoisonedRows, clean: SampleSet | None = None) -> None:
        self.rows = rows
        if clean is None:
            self.inputs, self.labels = rows.inputs, rows.labels
            self.poisoned = rows.roles == ROLES.index("poisoned")
        else:
            whole = overlay(clean, rows)
            self.inputs, self.labels = whole.inputs, whole.labels  # type: ignore[assignment]
            self.poisoned = rows.mask(len(whole))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """One sample as it was given to the victim."""
        row = torch.tensor([range(len(self))[index]])
        sample = self.inputs[row]
        label = int(self.labels[row])
        return (sample[0].float() / 255 if isinstance(sample, Tensor) else sample.sentences[0]), label


def poisoned_dataset(path: str | Path, clean: SampleSet | None = None) -> PoisonedDataset:
    """What an attack left in `data/02_poisoned`.

    Args:
        path: `train.parquet` or `test.parquet` of an artefact, or its folder, for the training rows.
        clean: the training set that the changed rows are to be laid over; None: the changed rows alone.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    file = inside(path, "train.parquet")
    with told(file):
        return PoisonedDataset(read_rows(file)[0], clean)
