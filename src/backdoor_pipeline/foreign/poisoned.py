"""Somebody else's poisoned training set and triggered test images as rows like ours."""

from pathlib import Path

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import ALL_ROLES, PoisonedRows, WholeSet
from backdoor_pipeline.foreign.pictures import Pictures

AT_ONCE = 256  # triggered images compared with test images of their class at a time


def training_rows(found: Pictures, poisoned: Tensor | None) -> WholeSet:
    """A whole training set; true labels are not known, and are as given.

    Args:
        found: the images.
        poisoned: rows that are known to be poisoned, bool, (N,); None: nothing is known.
    """
    labels, count = found.images.labels, len(found.images)
    if poisoned is None:
        roles = torch.full((count,), ALL_ROLES.index("unknown"), dtype=torch.int8)
    else:
        codes = torch.tensor([ALL_ROLES.index("clean"), ALL_ROLES.index("poisoned")], dtype=torch.int8)
        roles = codes[poisoned.long()]
    images: Tensor = found.images.images[torch.arange(count)]
    return WholeSet(torch.arange(count), images, labels, labels, roles)


def triggered_rows(found: Pictures, target: int | None, test: ImageSet) -> PoisonedRows:
    """Triggered test images, those left out that belong to the wanted class already.

    Each is laid beside the test image of its class that it is nearest to: mostly what it was made of.

    Args:
        found: with their true labels.
        target: the label that the attacker wants; None: `found.targets` has it.
        test: the clean test set.

    Raises:
        UserError: nobody says what the attacker wants.
    """
    true = found.images.labels
    if target is None and found.targets is None:
        raise UserError("triggered images need the label that the attacker wants: give --target.")
    if target is not None and not 0 <= target < len(test.classes):
        raise UserError(f"--target {target} is none of the labels 0 to {len(test.classes) - 1}.")
    wanted = torch.full_like(true, target) if target is not None else found.targets
    assert wanted is not None
    counted = (wanted != true).nonzero().squeeze(1)
    images: Tensor = found.images.images[counted]
    index = nearest(images, true[counted], test)
    roles = torch.zeros(len(counted), dtype=torch.int8)
    return PoisonedRows(index, images, wanted[counted], true[counted], roles)


def nearest(images: Tensor, labels: Tensor, test: ImageSet) -> Tensor:
    """For each image the row of the test image of the same label at the least distance: int64, (n,).

    A label that the test set lacks gets its first row.
    """
    index = torch.zeros(len(images), dtype=torch.int64)
    for label in labels.unique():
        rows = (test.labels == label).nonzero().squeeze(1)
        if not len(rows):
            continue
        known: Tensor = test.images[rows].flatten(1).float()
        for asked in (labels == label).nonzero().squeeze(1).split(AT_ONCE):
            index[asked] = rows[torch.cdist(images[asked].flatten(1).float(), known).argmin(1)]
    return index


def known_rows(file: Path, found: Pictures) -> Tensor:
    """Which rows a text file names: bool, (N,).

    Args:
        file: a row number, or a picture's name below its folder, on each line.
        found: what the rows are of.

    Raises:
        UserError: a line names no row.
    """
    rows = {str(row): row for row in range(len(found.images))} | {
        name: row for row, name in enumerate(found.names)
    }
    poisoned = torch.zeros(len(found.images), dtype=torch.bool)
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            if line.strip() not in rows:
                raise UserError(f"{file}: '{line.strip()}' is neither a row number nor a picture's name.")
            poisoned[rows[line.strip()]] = True
    return poisoned
