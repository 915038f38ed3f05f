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

    Returns:
        Row indices, int64, ascending.

    Raises:
        UserError: the ratio asks for no image at all, or for more than there are.
    """
    count = round(ratio * len(labels))
    if count == 0:
        least = f"{1 / len(labels):.2g}"
        raise UserError(f"poison_ratio {ratio:g} of {len(labels):,} images is no image: use {least} or more.")
    if clean_label:
        candidates = (label_map(labels) == labels).nonzero().squeeze(1)
    elif poison_target_class:
        candidates = torch.arange(len(labels))
    else:
        candidates = (label_map(labels) != labels).nonzero().squeeze(1)
    if count > len(candidates):
        raise UserError(_infeasible(ratio, count, len(candidates), len(labels), clean_label))
    drawn = torch.randperm(len(candidates), generator=generator(seed, "victims"))[:count]
    victims, _ = candidates[drawn].sort()
    return victims


def _infeasible(ratio: float, wanted: int, available: int, total: int, clean_label: bool) -> str:
    largest = int(available / total * 1e5) / 1e5
    reason = (
        "a clean-label attack poisons the target class only"
        if clean_label
        else "the target class is left out"
    )
    return (
        f"poison_ratio {ratio:g} asks for {wanted:,} images but {reason}, "
        f"which leaves {available:,} of {total:,}: the largest feasible ratio is {largest:g}."
    )
