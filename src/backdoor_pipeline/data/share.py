"""A smaller training set with the classes in the same proportions."""

from functools import cache

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import generator


def proportional(labels: Tensor, count: int) -> Tensor:
    """Rows of a random share of a data set, each class with its own share of them, to within one image.

    The same rows for every experiment and seed; those of a smaller share are also in every larger one.

    Args:
        labels: of the whole set, int64, (N,).
        count: how many rows, at most N.

    Returns:
        Row indices, int64, (count,), ascending.
    """
    shuffled = torch.randperm(len(labels), generator=generator(0, "train_images"))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = labels.bincount()
    starts = sizes.cumsum(0) - sizes
    rank = torch.arange(len(labels)) - starts[labels[by_class]]
    depth = (rank + 0.5) / sizes[labels[by_class]]  # how far down its class's pile an image lies, in (0, 1)
    rows, _ = by_class[depth.argsort(stable=True)[:count]].sort()
    return rows


@cache
def shared(counts: tuple[int, ...], count: int) -> tuple[int, ...]:
    """How many images of every class are in a share of `count`, of a set that has so many of each."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return tuple(labels[proportional(labels, count)].bincount(minlength=len(counts)).tolist())


def see_that_there_are(count: int, total: int, name: str) -> None:
    """See that a data set has as many training images as are to be used.

    Raises:
        UserError: it has fewer.
    """
    if count > total:
        raise UserError(f"train_images is {count:,}, but {name} has {total:,} training images.")
