"""How much a normalized convolution can amplify (Zheng et al., 2022, "channel Lipschitzness")."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from backdoor_pipeline.defenses.parts.blank import of_a_blank_image
from backdoor_pipeline.models.classifier import Classifier


class NormalizedConvolution(NamedTuple):
    """A convolution and the BatchNorm that takes its output."""

    convolution: nn.Conv2d
    norm: nn.BatchNorm2d


def normalized_convolutions(model: Classifier) -> dict[str, NormalizedConvolution]:
    """Every BatchNorm with running statistics that takes a convolution's very output, by the former's name.

    What comes from where is found out by one pass, as neither names nor the order in which layers were made
    tell: a BatchNorm at a shortcut belongs to the shortcut's convolution, and that before a pre-activation
    block to none, as it takes a sum.

    Args:
        model: in any mode; may be on the meta device.
    """
    found: dict[str, NormalizedConvolution] = {}
    with _watched(model, found):
        of_a_blank_image(model, model)
    return found


def channel_bounds(layer: NormalizedConvolution) -> Tensor:
    """An upper bound of each channel's Lipschitz constant: float32, (channels,), on the CPU.

    It is the spectral norm of the channel's kernel, as a matrix (C_in, k * k), times what BatchNorm scales it
    by in evaluation mode.
    """
    convolution, norm = layer
    assert norm.running_var is not None
    kernels = convolution.weight.detach().float().cpu().flatten(2)
    scale = norm.weight.detach().float() / (norm.running_var + norm.eps).sqrt()
    bounds: Tensor = torch.linalg.matrix_norm(kernels, ord=2) * scale.abs().cpu()
    return bounds


@contextmanager
def _watched(model: Classifier, found: dict[str, NormalizedConvolution]) -> Iterator[None]:
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # by the output's id; kept, lest it be given anew

    def remember(convolution: nn.Module, _: object, output: Tensor) -> None:
        assert isinstance(convolution, nn.Conv2d)
        made[id(output)] = convolution, output

    hooks: list[Any] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(remember))
        elif isinstance(module, nn.BatchNorm2d) and module.affine and module.track_running_stats:

            def match(norm: nn.Module, inputs: tuple[Tensor], name: str = name) -> None:
                assert isinstance(norm, nn.BatchNorm2d)
                if id(inputs[0]) in made:
                    found[name] = NormalizedConvolution(made[id(inputs[0])][0], norm)

            hooks.append(module.register_forward_pre_hook(match))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
