"""Grad-CAM: where the last maps of a network speak for a class (Selvaraju et al., 2017)."""

import torch
from torch import Tensor

from backdoor_pipeline.analysis.gradients import class_logits
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.stages import as_maps, forward_with_outputs


def grad_cam(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The positive part of the last maps' sum, each weighted by its mean gradient (their equations 1 and 2).

    The last maps are those of the last spatial stage: 4x4 for PreAct-ResNet18 at 32 pixels, 14x14 tokens for
    a vision transformer; see `models.stages`.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,), whose logit is explained.

    Returns:
        float, (N, h, w), 0 or more, of the stage's size.
    """
    images = images.detach().requires_grad_()  # so that gradients flow though all weights be frozen
    logits, (output,) = forward_with_outputs(model, images, 1)
    (gradient,) = torch.autograd.grad(class_logits(logits, classes).sum(), output)
    weights = as_maps(gradient).mean(dim=(2, 3), keepdim=True)
    return (weights * as_maps(output)).sum(1).relu().detach()
