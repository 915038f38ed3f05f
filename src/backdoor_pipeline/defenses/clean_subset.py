"""The small clean set that a defender trusts."""

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.samples import SampleSet


def draw_clean(clean_train: SampleSet, ratio: float, seed: int) -> SampleSet:
    """round(ratio * N) images of the clean training set, drawn without replacement.

    Raises:
        UserError: that is no sample at all.
    """
    count = clean_count(ratio, len(clean_train))
    drawn: Tensor = torch.randperm(len(clean_train), generator=generator(seed, "clean subset"))[:count]
    return clean_train.subset(drawn.sort().values)


def clean_count(ratio: float, size: int) -> int:
    """round(ratio * size), of a training set of this size.

    Raises:
        UserError: that is no sample at all.
    """
    count = round(ratio * size)
    if count == 0:
        raise UserError(f"clean_ratio {ratio:g} of {size:,} samples is none: use {1 / size:.2g} or more.")
    return count
