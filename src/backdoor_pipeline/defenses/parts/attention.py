"""Where a network looks: the attention maps of its spatial stages.

(Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017.)
"""

from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.shapes import ShapesOnly
from backdoor_pipeline.models.stages import forward_with_stages
from backdoor_pipeline.training.hosting import hosted


def attention_map(activation: Tensor, power: float) -> Tensor:
    """Each position's share of an activation: sum over the channels of |A|^p, of unit L2 norm per image.

    A map of one position is always 1: it says nothing.

    Args:
        activation: (N, C, H, W).
        power: p.

    Returns:
        float32, (N, H * W).
    """
    return F.normalize(activation.float().abs().pow(power).sum(1).flatten(1), dim=1)


def attention_distance(activation: Tensor, other: Tensor, power: float) -> Tensor:
    """The mean square, over images and positions, of how two activations' attention maps differ."""
    return F.mse_loss(attention_map(activation, power), attention_map(other, power))


def require_stages(model: Classifier, count: int) -> None:
    """See that a model has this many spatial stages.

    Raises:
        UserError: it has fewer.
    """
    description = model.description
    device = model.head.weight.device
    shape = (1, description.channels, description.image_size, description.image_size)
    shapes = ShapesOnly() if device.type == "meta" else nullcontext()
    with hosted(model, device, training=False), torch.inference_mode(), shapes:
        found = len(forward_with_stages(model, torch.zeros(shape, device=device), count)[1])
    if found < count:
        raise UserError(
            f"nad compares the maps of {count} spatial sizes, and {description.name} has {found} at "
            f"{description.image_size} pixels: use a convolutional model, such as preactresnet18, resnet20, "
            "vgg19_bn, densenet161 or mobilenet_v3_large."
        )
