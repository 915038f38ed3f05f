"""FullGrad: what the input and every bias contribute to a logit (Srinivas and Fleuret, 2019)."""

from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from backdoor_pipeline.analysis.gradients import class_logits
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.stages import as_maps


def full_grad(model: Classifier, images: Tensor, classes: Tensor) -> Tensor:
    """The saliency map made of the full gradients (their equation 5): magnitudes, rescaled, enlarged, summed.

    Each layer's magnitudes are rescaled to 0..1 together, as in the authors' code: channel by channel, one
    that does nothing would count as much as one that decides. Biases without a place are left out: of layers
    after pooling, as there, and of tokens that are not laid out as the image is, such as windows.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,), whose logit is explained.

    Returns:
        float, (N, H, W), 0 or more.
    """
    pixels, biases = full_gradients(model, images, classes)
    saliency = _rescaled(pixels).sum(1)
    for term in (as_maps(one) for one in biases if _has_places(one, images)):
        enlarged = F.interpolate(_rescaled(term), images.shape[2:], mode="bilinear", align_corners=False)
        saliency += enlarged.sum(1)
    return saliency


def full_gradients(model: Classifier, images: Tensor, classes: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The decomposition of each class logit (their equation 3).

    In a network of linear layers, ReLU, pooling and BatchNorm in evaluation mode, the terms of one image sum
    to its logit exactly. The network's input is the normalized image. With other activations, LayerNorm or
    attention the sum misses what these add.

    Args:
        model: in evaluation mode.
        images: float, (N, C, H, W), in [0, 1].
        classes: int64, (N,).

    Returns:
        Input times its gradient, (N, C, H, W); for every layer with a bias that works on the images, in the
        order in which they compute, bias times its gradient, of the shape of the layer's output. Of maps the
        channels are in front, where linear layers (as in ConvNeXt and Swin) have them at the end, too.
    """
    images = images.detach().requires_grad_()
    outputs: list[Tensor] = []
    biases: list[Tensor] = []

    def record(layer: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> Tensor:
        bias = effective_bias(layer)
        assert bias is not None
        if given and not given[0].requires_grad:  # of something else, as Swin's table of relative positions
            return output
        outputs.append(output)
        biases.append(bias if isinstance(layer, nn.Linear) else bias.view(-1, *[1] * (output.dim() - 2)))
        return output.clone()  # the next layer may work in place

    hooks = [
        layer.register_forward_hook(record) for layer in model.modules() if effective_bias(layer) is not None
    ]
    try:
        score = class_logits(model(images), classes).sum()
    finally:
        for hook in hooks:
            hook.remove()
    gradient, *gradients = torch.autograd.grad(score, [images, *outputs], materialize_grads=True)
    pixels = gradient * (images - model.mean)  # of the normalized image: the standard deviations cancel
    terms = [(one * bias).detach() for one, bias in zip(gradients, biases, strict=True)]
    return pixels.detach(), [
        term.movedim(-1, 1) if bias.dim() == 1 and term.dim() == 4 else term
        for term, bias in zip(terms, biases, strict=True)
    ]


def effective_bias(layer: nn.Module) -> Tensor | None:
    """What a layer adds to a linear map of its input, one value per channel; None of one that adds nothing.

    BatchNorm in evaluation mode is linear: it adds its bias, less its mean as it comes out scaled.
    """
    if isinstance(layer, _BatchNorm):
        assert layer.running_mean is not None
        assert layer.running_var is not None
        scale = layer.weight / (layer.running_var + layer.eps).sqrt()
        return layer.bias - scale * layer.running_mean
    return layer.bias if isinstance(layer, nn.Conv2d | nn.Linear) else None


def _has_places(term: Tensor, images: Tensor) -> bool:
    """Whether it is of maps in the shape of the image, or of a square of tokens behind a class token."""
    if term.dim() == 3:
        tokens = term.shape[1] - 1
        return tokens > 0 and isqrt(tokens) ** 2 == tokens
    if term.dim() != 4 or term.shape[2:].numel() == 1:
        return False
    return term.shape[2] * images.shape[3] == term.shape[3] * images.shape[2]


def _rescaled(term: Tensor) -> Tensor:
    """Magnitudes from 0 to 1 over each image's values; 0 where all are equal."""
    size = term.abs()
    least, most = (extreme(size, dim=(1, 2, 3), keepdim=True) for extreme in (torch.amin, torch.amax))
    return (size - least) / (most - least).clamp(min=torch.finfo(size.dtype).tiny)
