"""Sharpness-aware minimization in proportion to the weights (Foret et al., 2021; Kwon et al., 2021, ASAM)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from backdoor_pipeline.training import Batch

Weights = dict[str, Tensor]

TINY = 1e-12  # so that no gradient is no change


@dataclass(frozen=True, slots=True)
class SharpnessAware:
    """Cross-entropy at the worst weights nearby: max L(w + e) over all e with norm(e / w) <= rho.

    As in all such methods e is found to first order, from one gradient, and is a constant of the step that
    follows.

    Attributes:
        rho: the radius.
        label_smoothing: the probability that a target has in classes other than the label, shared alike.
    """

    rho: float
    label_smoothing: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss; see `training.Objective`. Only the first of two passes moves running statistics."""
        weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        logits = model(batch.inputs)
        batch.report(logits)
        uphill = torch.autograd.grad(self._loss(logits, batch.labels), list(weights.values()))
        away = worst_change(weights, dict(zip(weights, uphill, strict=True)), self.rho)
        worst = {name: weight + away[name] for name, weight in weights.items()}
        statistics = {name: tensor.clone() for name, tensor in model.named_buffers()}  # of weights not kept
        return self._loss(functional_call(model, {**worst, **statistics}, (batch.inputs,)), batch.labels)

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """PyTorch's smoothing shares its part among all classes, the label's too."""
        classes = logits.shape[1]
        smoothing = self.label_smoothing * classes / (classes - 1)
        return F.cross_entropy(logits.float(), labels, label_smoothing=smoothing)


@torch.no_grad()
def worst_change(weights: Mapping[str, Tensor], uphill: Mapping[str, Tensor], rho: float) -> Weights:
    """What raises the loss most, to first order, with norm(e / w) <= rho: e = rho w^2 g / norm(w g).

    Args:
        weights: w, by name.
        uphill: g, the loss's gradients, likewise.
        rho: the radius.
    """
    scaled = {name: weight * uphill[name] for name, weight in weights.items()}
    norm = torch.stack([part.norm() for part in scaled.values()]).norm()
    factor = rho / (norm + TINY)
    return {name: factor * weights[name] * part for name, part in scaled.items()}
