"""The spatial stages of a network: the last maps that it computes at each size."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from backdoor_pipeline.models.classifier import Classifier


def forward_with_stages(
    model: Classifier, images: Tensor, count: int | None = None
) -> tuple[Tensor, list[Tensor]]:
    """The logits (N, K), and the maps (N, C, H, W) of each of the last `count` spatial stages.

    From large to small. A stage is a size of maps, 1x1 left out; its maps are the last output of that size
    among the parts that the network is a sequence of. Where what follows begins with BatchNorm and ReLU, as
    in PreAct-ResNet and DenseNet, they are taken after these, as what follows sees them. The last stage's are
    what the head's pooling takes (DenseNet's last ReLU works in place, on the output that is kept here).
    A transformer's are the tokens that its last block attends to, without the class token: the block's own
    output reaches the head by the class token alone.

    The maps are gathered by hooks, so any architecture will do; hooks that come and go would make a compiled
    model compile anew: give the model itself.

    Args:
        model: not compiled.
        images: float, (N, C, H, W), in [0, 1].
        count: stages wanted, None for all; fewer are returned where there are fewer.
    """
    logits, outputs = forward_with_outputs(model, images, count)
    return logits, [as_maps(output) for output in outputs]


def forward_with_outputs(
    model: Classifier, images: Tensor, count: int | None = None
) -> tuple[Tensor, list[Tensor]]:
    """As `forward_with_stages`, with the outputs that the network goes on with: gradients reach them."""
    kept = _LastOfEachSize()
    maps = [*_blocks(model.backbone), *_first_activations(model.backbone)]
    hooks = [part.register_forward_hook(kept.recorder(4)) for part in maps]
    hooks += [norm.register_forward_hook(kept.recorder(3)) for norm in _token_norms(model.backbone)[-1:]]
    try:
        logits: Tensor = model(images)
    finally:
        for hook in hooks:
            hook.remove()
    stages = kept.stages()
    return logits, stages if count is None else stages[-count:]


def as_maps(output: Tensor) -> Tensor:
    """An output as maps, (N, C, H, W).

    Args:
        output: of a square image maps already, channels in front or, as Swin's blocks have them, at the end;
            or tokens (N, 1 + H * W, C), the class token first.
    """
    if output.dim() == 4:
        _, first, second, third = output.shape
        return output.movedim(-1, 1) if first == second != third else output
    side = round((output.shape[1] - 1) ** 0.5)
    maps: Tensor = output[:, 1:].transpose(1, 2).unflatten(2, (side, side))
    return maps


class _LastOfEachSize:
    """Outputs as they come; of each size only the last is kept.

    Maps grow again only by repetition, as before VGG's classifier: those are left out.
    """

    def __init__(self) -> None:
        self._kept: dict[torch.Size, Tensor] = {}
        self._least = float("inf")

    def recorder(self, dimensions: int) -> Callable[[nn.Module, object, object], None]:
        """A forward hook for outputs with so many dimensions."""

        def record(_: nn.Module, __: object, output: object) -> None:
            if isinstance(output, Tensor) and output.dim() == dimensions:
                size = as_maps(output).shape[2:]
                if size.numel() <= self._least:
                    self._least = size.numel()
                    self._kept[size] = output

        return record

    def stages(self) -> list[Tensor]:
        """From large to small, without those of one position."""
        return [output for size, output in self._kept.items() if size.numel() > 1]


def _blocks(network: nn.Module) -> Iterator[nn.Module]:
    """The parts that a network is a sequence of; not what is inside a residual block, transition or gate."""
    for part in network.children():
        yield part
        if isinstance(part, nn.Sequential) and not _activates_first(part):
            yield from _blocks(part)


def _activates_first(part: nn.Module) -> bool:
    """Whether a part begins with BatchNorm and ReLU, as pre-activation blocks do."""
    first = list(part.children())[:2]
    return len(first) == 2 and isinstance(first[0], nn.BatchNorm2d) and isinstance(first[1], nn.ReLU)


def _first_activations(network: nn.Module) -> list[nn.Module]:
    """The ReLU of every part that begins with BatchNorm and ReLU."""
    return [list(part.children())[1] for part in network.modules() if _activates_first(part)]


def _token_norms(network: nn.Module) -> list[nn.Module]:
    """The normalization before each self-attention, as torchvision's transformers name it."""
    blocks = [part for part in network.modules() if hasattr(part, "self_attention")]
    return [block.get_submodule("ln_1") for block in blocks]
