"""Rotations of whole batches, between pixels."""

import math

import torch
from torch import Tensor

from backdoor_pipeline.attacks.parts.warp import chunks, sample


def rotated(images: Tensor, degrees: Tensor) -> Tensor:
    """Each image turned counter-clockwise about its center by its own angle; corners come in black.

    Args:
        images: uint8, (n, C, H, W).
        degrees: float, (n,), on the images' device; images with 0 stay exactly as they are.

    Returns:
        uint8, (n, C, H, W): bilinear, rounded.
    """
    height, width = images.shape[-2:]
    y, x = (torch.arange(side, device=images.device) - (side - 1) / 2 for side in (height, width))
    turned, start = [], 0
    for part in chunks(images):
        angle = (degrees[start : start + len(part)] * (math.pi / 180))[:, None, None]
        start += len(part)
        across = angle.cos() * x - angle.sin() * y[:, None]  # where each pixel is read: rows count downwards
        down = angle.sin() * x + angle.cos() * y[:, None]
        grid = torch.stack([across * (2 / max(width - 1, 1)), down * (2 / max(height - 1, 1))], dim=-1)
        turned.append(sample(part, grid))
    return torch.cat(turned)
