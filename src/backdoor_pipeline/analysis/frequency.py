"""Frequency saliency map: how each Fourier basis moves a logit (BackdoorBench, supplement B.11)."""

import torch
from torch import Tensor

from backdoor_pipeline.analysis.gradients import input_gradient
from backdoor_pipeline.models.classifier import Classifier


def frequency_saliency(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The map FSM (equation 4): magnitudes from 0 to 1, the lowest frequency in the center.

    The gradient with respect to a spectrum is complex: its magnitude says how much the logit moves when that
    wave grows, whatever its phase.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,), whose logit is explained.

    Returns:
        float, (N, H, W), 0..1; all 0 where every magnitude is equal. Frequency 0 is at (H // 2, W // 2).
    """
    size: Tensor = torch.fft.fftshift(frequency_gradient(model, images, classes).abs(), dim=(1, 2))
    least, most = (extreme(size, dim=(1, 2), keepdim=True) for extreme in (torch.amin, torch.amax))
    return (size - least) / (most - least).clamp(min=torch.finfo(size.dtype).tiny)


def frequency_gradient(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The gradient of the class logit with respect to the image's spectrum, mean over channels: FSM*.

    As in equation 1, the image is the plain sum of its spectrum's waves, so the gradient is the sum of the
    pixels' gradients times each wave (2), averaged over the channels (3).

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,).

    Returns:
        complex, (N, H, W), frequency 0 at (0, 0).
    """
    gradient = input_gradient(model, images, classes)
    spectrum: Tensor = torch.fft.ifft2(gradient, norm="forward")  # "forward": the inverse without 1 / (H W)
    return spectrum.mean(1)
