"""Targeted DeepFool: the smallest changes that take points into a class (Moosavi-Dezfooli et al., 2016)."""

from collections.abc import Callable

import torch
from torch import Tensor

TIE = 1e-6  # a logit gap to close where there is none, but the target does not win either

Classify = Callable[[Tensor, Tensor], Tensor]
"""(rows, points) to logits: float, (m, K). Row i's point is classified by a function of its own."""


def targeted_deepfool(
    classify: Classify, start: Tensor, target: int, *, overshoot: float, max_steps: int
) -> tuple[Tensor, Tensor]:
    """For each point, a small L2 change after which the target class wins.

    One step goes to where the target, in the linear approximation, draws level with its strongest rival: at
    gap g > 0 with gradient w, by -g w / |w|^2. All points that are not there yet step together, each with
    its own rival, and need one backward pass for it.

    Args:
        classify: differentiable by the points, on their device.
        start: float32, (N, ...).
        target: the class wanted.
        overshoot: share by which the sum of the steps is prolonged, to cross the boundary.
        max_steps: of one point.

    Returns:
        The changes, float32, like `start`, 0 for those that were in the class; and which of the points the
        changes bring there, bool, (N,): only these changes are sure to be finite.
    """
    change = torch.zeros_like(start)
    left = torch.arange(len(start), device=start.device)
    reached = torch.zeros(len(start), dtype=torch.bool, device=start.device)
    for step in range(max_steps + 1):
        points = start[left] + (1 + overshoot) * change[left]
        gap, slope = _linearize(classify, left, points, target)
        reached[left[gap < 0]] = True
        missed = (
            gap >= 0
        )  # not where nothing leads there: no slope is left, a step has no end, the gap is NaN
        left, gap, slope = left[missed], gap[missed], slope[missed]
        if step == max_steps or not len(left):
            break
        length = gap.clamp(min=TIE) / slope.flatten(1).square().sum(1).clamp(min=torch.finfo().tiny)
        change[left] -= length.view(-1, *[1] * (slope.ndim - 1)) * slope
    return (1 + overshoot) * change, reached


def logit_gap(logits: Tensor, target: int) -> Tensor:
    """By how much the strongest other class beats the target: (m,); negative where the target wins."""
    others = torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1)
    return others.amax(1) - logits[:, target]


def _linearize(classify: Classify, rows: Tensor, points: Tensor, target: int) -> tuple[Tensor, Tensor]:
    """The logit gaps (m,) and their gradients by the points (m, ...)."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        gap = logit_gap(classify(rows, points), target)
        (slope,) = torch.autograd.grad(gap.sum(), points)
    return gap.detach(), slope
