"""What an attack leaves, as PyTorch wants it."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from backdoor_pipeline.api.checks import see_that_they_are_rows, see_that_they_look_alike
from backdoor_pipeline.api.data import samples_of
from backdoor_pipeline.api.files import inside, told
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows, overlay
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.table import read_rows


class PoisonedDataset(Dataset[tuple[Any, int]]):
    """Poisoned samples for PyTorch's loaders: a float image (C, H, W) in [0, 1] or a sentence, and its label.

    Attributes:
        samples: the rows that an attack changed, or the whole training set, the changed rows laid over it.
        rows: the changed rows, with their true labels.
        poisoned: which of the samples are poisoned: bool, (N,); the others are clean, or cross samples.
    """

    def __init__(self, rows: PoisonedRows, clean: Any = None) -> None:
        """Lay the changed rows over the others.

        Args:
            rows: `poison(...).train`, or `.test`.
            clean: the training set, in any form that `image_set` takes, or a `TextSet`; None: the rows alone.

        Raises:
            UserError: the rows are not of such a training set.
        """
        see_that_they_are_rows(rows)
        self.rows = rows
        if clean is None:
            self.inputs, self.labels = rows.inputs, rows.labels
            self.poisoned = rows.roles == ROLES.index("poisoned")
        else:
            whole = _overlaid(samples_of(clean), rows)
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


def _overlaid(clean: SampleSet, rows: PoisonedRows) -> SampleSet:
    see_that_they_look_alike(rows, clean, "changed rows", "training set")
    highest = int(rows.index.max()) if len(rows) else -1
    if not rows.whole and highest >= len(clean):
        raise UserError(
            f"row {highest} was changed, of a set of {len(clean)}: give the one that was poisoned."
        )
    return overlay(clean, rows)


def poisoned_dataset(path: str | Path, clean: Any = None) -> PoisonedDataset:
    """What an attack left in `data/02_poisoned`.

    Args:
        path: `train.parquet` or `test.parquet` of an artefact, or its folder, for the training rows.
        clean: the training set that the changed rows are to be laid over; None: the changed rows alone.

    Raises:
        UserError: there is no such file, it is damaged, or its rows are not of such a training set.
    """
    file = inside(path, "train.parquet")
    with told(file):
        return PoisonedDataset(read_rows(file)[0], clean)
