"""Where a network looks: the attention maps of its spatial stages.

(Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017.)
"""

from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.parts.blank import of_a_blank_image
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.stages import forward_with_stages


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
    found = of_a_blank_image(model, lambda image: len(forward_with_stages(model, image, count)[1]))
    if found < count:
        raise UserError(
            f"nad compares the maps of {count} spatial sizes, and {model.description.name} has {found} at "
            f"{model.description.image_size} pixels: use a convolutional model, such as preactresnet18, "
            "resnet20, vgg19_bn, densenet161 or mobilenet_v3_large."
        )
