"""Frequency saliency map: how each Fourier basis moves a logit (BackdoorBench, supplement B.11).

Its equations and its Figure 14 are not the same: the equations average the complex gradients of the channels
and say nothing of magnitudes; the figure, by its authors' code, has log magnitudes of each channel.
"""

from typing import Literal

import torch
from torch import Tensor

from backdoor_pipeline.analysis.gradients import input_gradient
from backdoor_pipeline.models.classifier import Classifier

Form = Literal["figure", "equations"]


def frequency_saliency(model: Classifier, images: Tensor, classes: Tensor, form: Form) -> Tensor:
    """The map FSM, the lowest frequency in the center.

    The gradient with respect to a spectrum is complex: its magnitude says how much the logit moves when that
    wave grows, whatever its phase.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,), whose logit is explained.
        form: `figure`, as Figure 14: the log magnitudes of each channel, from 0 to 1 over all of them, then
            their mean; `equations`: the magnitude of what equation 3 has, from 0 to 1 (4).

    Returns:
        float, (N, H, W), 0..1; all 0 where every magnitude is equal. Frequency 0 is at (H // 2, W // 2).
    """
    if form == "figure":
        size = (
            channel_gradients(model, images, classes) * model.std
        ).abs()  # of the normalized image, as there
        most = size.amax((1, 2, 3), keepdim=True)  # what is smaller by more than single precision is noise
        size = (
            size.clamp(min=torch.finfo(size.dtype).eps * most).clamp(min=torch.finfo(size.dtype).tiny).log()
        )
    else:
        size = frequency_gradient(model, images, classes).abs()[:, None]
    saliency: Tensor = torch.fft.fftshift(_rescaled(size).mean(1), dim=(1, 2))
    return saliency


def _rescaled(values: Tensor) -> Tensor:
    """From 0 to 1 over all of an image's values; 0 where all are equal."""
    least, most = (extreme(values, dim=(1, 2, 3), keepdim=True) for extreme in (torch.amin, torch.amax))
    return (values - least) / (most - least).clamp(min=torch.finfo(values.dtype).tiny)


def frequency_gradient(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The gradient of the class logit with respect to the image's spectrum, mean over channels: FSM* (3).

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,).

    Returns:
        complex, (N, H, W), frequency 0 at (0, 0).
    """
    return channel_gradients(model, images, classes).mean(1)


def channel_gradients(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The gradient of the class logit with respect to the spectrum of each channel (equation 2).

    As in equation 1, the image is the plain sum of its spectrum's waves, so the gradient is the sum of the
    pixels' gradients times each wave.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,).

    Returns:
        complex, (N, C, H, W), frequency 0 at (0, 0).
    """
    gradient = input_gradient(model, images, classes)
    spectrum: Tensor = torch.fft.ifft2(gradient, norm="forward")  # "forward": the inverse without 1 / (H W)
    return spectrum
