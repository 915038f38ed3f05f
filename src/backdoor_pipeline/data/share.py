"""A smaller training set with the classes in the same proportions."""

from functools import cache
from heapq import heappop, heappush

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
    rows, _ = by_class[_dealt(labels.bincount(), count)].sort()
    return rows


def _dealt(sizes: Tensor, count: int) -> Tensor:
    """The first rows of those sorted by class, in an order that holds each class's share to within one.

    The j-th image of a class of n, of N in all, belongs between the places (j - 1) N / n and j N / n; the one
    whose place ends first comes first (Steiner and Yeomans, 1993, show that all find theirs).

    Args:
        sizes: images of every class, int64, (K,).
        count: how many rows.
    """
    total, starts = int(sizes.sum()), sizes.cumsum(0) - sizes
    own = sizes.repeat_interleave(sizes)
    rank = torch.arange(total) - starts.repeat_interleave(sizes)
    first = rank * total // own
    last = ((rank + 1) * total + own - 1) // own
    waiting = sorted(zip(first.tolist(), last.tolist(), range(total), strict=True), reverse=True)
    ready: list[tuple[int, int]] = []
    order = []
    for place in range(count):
        while waiting and waiting[-1][0] <= place:
            _, due, row = waiting.pop()
            heappush(ready, (due, row))
        order.append(heappop(ready)[1])
    return torch.tensor(order, dtype=torch.int64)


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
