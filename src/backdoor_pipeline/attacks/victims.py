"""Which training images are poisoned."""

import torch
from torch import Tensor

from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import generator


def select_victims(
    labels: Tensor,
    ratio: float,
    label_map: LabelMap,
    *,
    clean_label: bool,
    poison_target_class: bool,
    seed: int,
    able: Tensor | None = None,
) -> Tensor:
    """Draw round(ratio * N) rows without replacement; the same on every device.

    Clean-label attacks draw from the target class only. Dirty-label ones draw from all rows, or, without
    `poison_target_class`, from those whose label the attack changes.

    Args:
        labels: the true labels of the whole training set, int64, (N,).
        ratio: share of the whole training set, in (0, 1).
        label_map: which labels the attacker wants.
        clean_label: draw only rows that have the wanted label already.
        poison_target_class: without it, draw only rows that do not.
        seed: the experiment's seed.
        able: the rows that the trigger can be put on: bool, (N,); None: all.

    Returns:
        Row indices, int64, ascending.

    Raises:
        UserError: the ratio asks for no sample at all, or for more than there are.
    """
    may = _may_be_poisoned(labels, label_map, clean_label, poison_target_class)
    if able is not None:
        may &= able
    candidates = may.nonzero().squeeze(1)
    why = limit(clean_label=clean_label, able=able is not None)
    count = victim_count(ratio, len(candidates), len(labels), why)
    drawn = torch.randperm(len(candidates), generator=generator(seed, "victims"))[:count]
    victims, _ = candidates[drawn].sort()
    return victims


def available(counts: Tensor, label_map: LabelMap, *, clean_label: bool, poison_target_class: bool) -> int:
    """How many images `select_victims` draws from, of a training set with so many of every class.

    Args:
        counts: of every class, int64, (K,).
        label_map: see `select_victims`.
        clean_label: see `select_victims`.
        poison_target_class: see `select_victims`.
    """
    labels = torch.arange(len(counts))
    return int(counts[_may_be_poisoned(labels, label_map, clean_label, poison_target_class)].sum())


def victim_count(ratio: float, candidates: int, total: int, limit: str) -> int:
    """round(ratio * total).

    Args:
        ratio: share of the whole training set.
        candidates: the samples that may be poisoned.
        total: samples in all.
        limit: why no others may, for the error; see `limit`.

    Raises:
        UserError: that is no sample at all, or more than there are candidates.
    """
    count = round(ratio * total)
    if count == 0:
        raise UserError(f"poison_ratio {ratio:g} of {total:,} samples is none: use {1 / total:.2g} or more.")
    if count > candidates:
        raise UserError(_infeasible(ratio, count, candidates, total, limit))
    return count


def limit(*, clean_label: bool, able: bool = False) -> str:
    """Why an attack may not poison every sample: it is clean-label, or cannot put its trigger on some."""
    if clean_label:
        return "a clean-label attack poisons the target class only"
    return "the target class is left out" + (", and what has no paraphrase" if able else "")


def largest_ratio(candidates: int, total: int) -> float:
    """The ratio that poisons all candidates and no more images, with as few decimals as say that.

    >>> largest_ratio(134, 1347)
    0.09948
    """
    ratio = candidates / total
    for decimals in range(5, 16):
        short: float = int(ratio * 10**decimals) / 10**decimals
        if round(short * total) == candidates:
            return short
    return ratio


def _may_be_poisoned(
    labels: Tensor, label_map: LabelMap, clean_label: bool, poison_target_class: bool
) -> Tensor:
    """bool, (N,)."""
    if clean_label:
        return label_map(labels) == labels
    if poison_target_class:
        return torch.ones_like(labels, dtype=torch.bool)
    return label_map(labels) != labels


def _infeasible(ratio: float, wanted: int, available: int, total: int, limit: str) -> str:
    largest = largest_ratio(available, total)
    return (
        f"poison_ratio {ratio:g} asks for {wanted:,} samples but {limit}, "
        f"which leaves {available:,} of {total:,}: the largest feasible ratio is {largest:g}."
    )
