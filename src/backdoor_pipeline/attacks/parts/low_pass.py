"""The low-pass filter that patterns are searched through: a Gaussian blur (Zeng et al., 2021, section 5)."""

import torch
from torch import Tensor

REFERENCE = 32  # pixels of the image that sigma is for
SUPPORT = 5  # the kernel's width in sigmas, as in the authors' code: 30 pixels at sigma 6


def low_pass(images: Tensor, sigma: float) -> Tensor:
    """Blurred images; black lies beyond their borders. Linear and differentiable.

    A wave of f cycles across a large image is left with exp(-2 pi^2 (sigma f / 32)^2) of its height, but for
    ripples of some thousandths, since the kernel is cut off: 0.52, 0.05, 0.007 and 0.004 at sigma 6 and 1, 2,
    4 and 8 cycles.

    Args:
        images: float, (..., H, W).
        sigma: the blur's width in pixels at 32 x 32; grows with the image.

    Returns:
        float, (..., H, W).
    """
    height, width = images.shape[-2:]
    down, across = (_blur(size, sigma * size / REFERENCE).to(images) for size in (height, width))
    return down @ images @ across.T


def _blur(size: int, sigma: float) -> Tensor:
    """What a line of pixels is to be multiplied by from the left: float64, (size, size).

    An even kernel, such as that of 30 pixels, reaches one pixel further to the right than to the left.
    """
    count = max(1, round(SUPPORT * sigma))
    kernel = torch.exp(-(((torch.arange(count, dtype=torch.float64) - (count - 1) / 2) / sigma) ** 2) / 2)
    pixel = torch.arange(size)
    tap = (
        pixel - pixel[:, None] + (count - 1) // 2
    )  # of the kernel, for each pixel (column) in each sum (row)
    inside = (tap >= 0) & (tap < count)
    return torch.where(inside, kernel[tap.clamp(0, count - 1)] / kernel.sum(), 0.0)
