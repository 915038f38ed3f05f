"""A Gaussian low-pass filter on the frequencies of images."""

import torch
from torch import Tensor


def low_pass(images: Tensor, sigma: float) -> Tensor:
    """Each frequency (u, v) times exp(-(u^2 + v^2) / (2 sigma^2)); linear, symmetric, differentiable.

    Args:
        images: float, (..., H, W), taken as periodic.
        sigma: the filter's width in cycles per image: the same picture at every resolution.

    Returns:
        float, (..., H, W).
    """
    height, width = images.shape[-2:]
    down = torch.fft.fftfreq(height, 1 / height, device=images.device)
    across = torch.fft.rfftfreq(width, 1 / width, device=images.device)
    gain = torch.exp(-(down[:, None] ** 2 + across**2) / (2 * sigma**2))
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain, s=(height, width))
    return filtered
