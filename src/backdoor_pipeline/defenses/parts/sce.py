"""Symmetric cross-entropy, which wrong labels mislead less (Wang et al., ICCV 2019)."""

import math

from torch import Tensor
from torch.nn import functional as F

LOG_ZERO = math.log(1e-4)  # stands for the logarithm of a label's zeros


def symmetric_cross_entropy(logits: Tensor, labels: Tensor, alpha: float, beta: float) -> Tensor:
    """Of every row, alpha CE + beta RCE: (N,).

    The reverse cross-entropy takes the label for the prediction: -sum_k p_k log q_k, with q one-hot, is
    -(1 - p_y) log 0. Unlike CE it is bounded, so no single image pulls far.

    Args:
        logits: (N, K).
        labels: int64, (N,).
        alpha: weight of the cross-entropy.
        beta: weight of the reverse cross-entropy.
    """
    right = logits.softmax(1).gather(1, labels[:, None])[:, 0]
    return alpha * F.cross_entropy(logits, labels, reduction="none") - beta * (1 - right) * LOG_ZERO
