"""A frozen model whose normalized channels carry masks to be learned, and bear noise."""

from copy import deepcopy
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from backdoor_pipeline.models.classifier import Classifier

AffineNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm | nn.LayerNorm


def affine_norms(model: nn.Module) -> dict[str, AffineNorm]:
    """The normalization layers that have a weight for each channel, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, AffineNorm) and module.weight is not None and module.weight.ndim == 1
    }


class Noise(NamedTuple):
    """What is added to the factors of every channel's weight and bias: two tensors, each (channels,)."""

    weight: Tensor
    bias: Tensor


class NeuronMasks(nn.Module):
    """A frozen copy of a model, with one mask per normalized channel, that scales the channel's weight.

    Biases are not masked, as in the paper (Wu and Wang, 2021): a channel whose mask is zero gives its bias,
    whatever the image.

    While masks are learned, BatchNorm normalizes by the batch, as in the authors' code. With the running
    statistics nothing would rescale what the layers before have perturbed: the noise of all layers would
    multiply, and masks flee from it to zero. (ResNet-8, digits: 42 % of them below 0.05 and the masked
    accuracy at 0.11; normalized by the batch 2 % and 1.00.) Dropout stays off. The running statistics of the
    copy move; the model's do not.

    Attributes:
        mask: float32, (channels,), of all layers one after another; at first all 1.
    """

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self._model = deepcopy(model).requires_grad_(False)
        self._norms = affine_norms(self._model)
        channels = sum(len(norm.weight) for norm in self._norms.values())
        self.mask = nn.Parameter(torch.ones(channels, device=model.head.weight.device))

    def forward(self, images: Tensor, noise: Noise | None = None) -> Tensor:
        """Logits (N, K) with m w and b, or (m + noise) w and (1 + noise) b, in place of every w and b."""
        factors: dict[str, Tensor] = {"weight": self.mask}
        if noise is not None:
            factors = {"weight": self.mask + noise.weight, "bias": 1 + noise.bias}
        changed = {
            f"{layer}.{kind}": factor * getattr(self._norms[layer], kind)
            for kind, factors_of_all in factors.items()
            for layer, factor in self.by_layer(factors_of_all).items()
            if getattr(self._norms[layer], kind) is not None
        }
        logits: Tensor = functional_call(self._model, changed, (images,))
        return logits

    def by_layer(self, channels: Tensor) -> dict[str, Tensor]:
        """A tensor like `mask` as one tensor for each layer, by name."""
        sizes = [len(norm.weight) for norm in self._norms.values()]
        return dict(zip(self._norms, channels.split(sizes), strict=True))

    @torch.no_grad()
    def clip(self) -> None:
        """Put every mask back into [0, 1]."""
        self.mask.clamp_(0, 1)

    def train(self, mode: bool = True) -> Self:
        """Only the normalization follows the mode."""
        super().train(mode)
        self._model.eval()
        for norm in self._norms.values():
            norm.train(mode)
        return self
