"""Where a network looks: its spatial stages and their attention maps.

(Zagoruyko and Komodakis, "Paying More Attention to Attention", ICLR 2017.)
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.errors import UserError
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer
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


def attend(model: Classifier, images: Tensor, count: int) -> tuple[Tensor, list[Tensor]]:
    """The logits (N, K), and the last activation (N, C, H, W) of each of the last `count` spatial stages.

    A stage is a size of maps, 1x1 left out. The activations are gathered by hooks, so any architecture will
    do; hooks that come and go would make a compiled model compile anew: give the model itself.

    Args:
        model: not compiled.
        images: float, (N, C, H, W), in [0, 1].
        count: stages wanted; fewer are returned where there are fewer.
    """
    outputs: list[Tensor] = []
    hooks = [block.register_forward_hook(_recorder(outputs)) for block in _blocks(model.backbone)]
    try:
        logits: Tensor = model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return logits, _stages(outputs)[-count:]


def require_stages(model: Classifier, trainer: Trainer, count: int) -> None:
    """See that a model has this many spatial stages.

    Raises:
        UserError: it has fewer.
    """
    description = model.description
    image = torch.zeros(1, description.channels, description.image_size, description.image_size)
    with hosted(model, trainer.device, training=False), torch.inference_mode():
        found = len(attend(model, image.to(trainer.device), count)[1])
    if found < count:
        raise UserError(
            f"nad compares the maps of {count} spatial sizes, and {description.name} has {found} at "
            f"{description.image_size} pixels: use a convolutional model, such as preactresnet18, resnet20, "
            "vgg19_bn, densenet161 or mobilenet_v3_large."
        )


def _recorder(outputs: list[Tensor]):  # type: ignore[no-untyped-def]
    def record(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor) and output.dim() == 4:
            outputs.append(output)

    return record


def _blocks(network: nn.Module) -> Iterator[nn.Module]:
    """The parts that a network is a sequence of; not what is inside a residual block or a gate."""
    for part in network.children():
        yield part
        if isinstance(part, nn.Sequential):
            yield from _blocks(part)


def _stages(outputs: list[Tensor]) -> list[Tensor]:
    """The last output of each size, from large to small.

    Maps grow again only by repetition, as before VGG's classifier: those are left out.
    """
    stages: dict[torch.Size, Tensor] = {}
    least = float("inf")
    for output in outputs:
        size = output.shape[2:]
        if size.numel() <= least:
            least = size.numel()
            stages[size] = output
    return [output for size, output in stages.items() if size.numel() > 1]
