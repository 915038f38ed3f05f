"""The min-max objective of adversarial neuron pruning (Wu and Wang, 2021, algorithm 1)."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.neuron_masks import NeuronMasks, Noise
from backdoor_pipeline.training import Batch


@dataclass(frozen=True, slots=True)
class MinMax:
    """alpha CE(masked) + (1 - alpha) CE(masked, under the worst noise), on clean images.

    Attributes:
        epsilon: the bound of the noise.
        steps: of the search for the worst noise.
        alpha: the weight of the loss without noise.
    """

    epsilon: float
    steps: int
    alpha: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss; `model` is a `NeuronMasks`, whose masks are put back into [0, 1] first."""
        masked = cast(NeuronMasks, model)
        masked.clip()
        noise = self.worst_noise(masked, batch)
        natural, noisy = masked(batch.inputs), masked(batch.inputs, noise)
        batch.report(natural)
        losses = [F.cross_entropy(logits.float(), batch.labels) for logits in (natural, noisy)]
        return self.alpha * losses[0] + (1 - self.alpha) * losses[1]

    def worst_noise(self, masked: NeuronMasks, batch: Batch) -> Noise:
        """From random noise, steps of epsilon / steps along the sign of the gradient, within bounds."""
        noise = [(2 * torch.rand_like(masked.mask) - 1) * self.epsilon for _ in Noise._fields]
        for _ in range(self.steps):
            noise = [part.detach().requires_grad_() for part in noise]
            loss = F.cross_entropy(masked(batch.inputs, Noise(*noise)).float(), batch.labels)
            uphill = torch.autograd.grad(loss, noise)
            stepped = [n + self.epsilon / self.steps * g.sign() for n, g in zip(noise, uphill, strict=True)]
            noise = [part.clamp(-self.epsilon, self.epsilon) for part in stepped]
        return Noise(*(part.detach() for part in noise))
