"""What a label number means: the same in both splits, and in every file of one."""

import logging
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.sources.listing import some

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClassNames:
    """How the files of a split name its classes.

    Attributes:
        names: by label.
        kind: "listed": the files list them by label; "written": they hold names in place of labels;
            "counted": they name none, and these are "0", "1", ...
    """

    names: tuple[str, ...]
    kind: Literal["listed", "written", "counted"]


def renumbered(labels: Tensor, own: tuple[str, ...], wanted: tuple[str, ...], who: str) -> Tensor:
    """Labels by the place of their names in `wanted`.

    Args:
        labels: places in `own`, int64, (N,).
        own: the names that they stand for.
        wanted: the names in the order wanted; there may be more of them.
        who: whose labels, for the errors.

    Raises:
        UserError: a name is not wanted, or two are the same, or a label has no name.
    """
    if own == wanted:
        return labels
    if strange := [name for name in own if name not in wanted]:
        raise UserError(
            f"{who} has the class '{strange[0]}', which is none of the training classes ({some(wanted)}): "
            "name the classes alike, or remove it."
        )
    if len(set(own)) < len(own) or len(set(wanted)) < len(wanted):
        raise UserError(f"{who} has two classes of one name: give each a name of its own.")
    if len(labels) and not (labels.min() >= 0 and labels.max() < len(own)):
        raise UserError(f"{who} has labels beyond the {len(own)} class names that it lists: relabel it.")
    return torch.tensor([wanted.index(name) for name in own])[labels]


def as_in_training(labels: Tensor, own: ClassNames, trained: ClassNames, who: str) -> Tensor:
    """Labels of the test split by the numbers of the training split.

    Args:
        labels: as read, int64, (N,).
        own: how their files name the classes.
        trained: how those of the training split do.
        who: the test split, for the errors.

    Raises:
        UserError: a test class is not a training class.
    """
    kinds = {own.kind, trained.kind}
    if "written" in kinds or kinds == {"listed"}:
        return renumbered(labels, own.names, trained.names, who)
    if kinds == {"counted", "listed"}:
        logger.warning(
            "%s and the training split do not both name their classes: taken to be numbered alike.", who
        )
    return labels
