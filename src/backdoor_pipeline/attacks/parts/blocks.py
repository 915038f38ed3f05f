"""Pixel arithmetic over many images, a block at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK_VALUES = 2**20  # pixel values at a time: wider types stay in a CPU's cache, and memory is bounded


def in_blocks(stamp: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """`stamp(images)`, computed for a few images after the other; several times as fast on a CPU.

    Args:
        stamp: from some images (uint8, (n, C, H, W)) to as many of any type, with whole values in 0..255.
        images: uint8, (N, C, H, W), on any device; left as they are.

    Returns:
        uint8, (N, C, H, W).
    """
    rows = max(1, BLOCK_VALUES // images.shape[1:].numel())
    stamped = torch.empty_like(images)
    for out, part in zip(stamped.split(rows), images.split(rows), strict=True):
        out.copy_(stamp(part))
    return stamped
