"""The logit that an explanation is of, and its gradient."""

import torch
from torch import Tensor

from backdoor_pipeline.models.classifier import Classifier


def class_logits(logits: Tensor, classes: Tensor) -> Tensor:
    """Each image's logit of its class, (N,).

    Args:
        logits: (N, K).
        classes: int64, (N,).
    """
    return logits.gather(1, classes[:, None]).squeeze(1)


def input_gradient(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The gradient of each image's class logit with respect to its pixels, (N, C, H, W).

    Args:
        model: in evaluation mode, so that no image has a part in another's logit.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,).
    """
    images = images.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(class_logits(model(images), classes).sum(), images)
    return gradient
