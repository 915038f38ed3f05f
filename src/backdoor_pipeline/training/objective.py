"""What a training minimizes: a function of the model and one batch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(slots=True)
class Batch:
    """One batch, on the training device but for its rows.

    Attributes:
        inputs: float32 images (n, C, H, W), in [0, 1], augmented; or token ids, int64, (n, L), padded with 0.
        labels: int64, (n,), as the data set gives them.
        index: the rows of the data set, int64, (n,), on the CPU: there it is found out what depends on them
            alone, and no GPU is waited for; see `sent`.
        epoch: counted from 1.
        step: batches before this one in the whole training.
    """

    inputs: Tensor
    labels: Tensor
    index: Tensor
    epoch: int
    step: int
    _reported: tuple[Tensor, Tensor] | None = field(default=None, init=False)

    def report(self, logits: Tensor, labels: Tensor | None = None) -> None:
        """Count right answers into the epoch's accuracy; an objective that does not call this has none.

        Args:
            logits: (m, K).
            labels: (m,), if they are not the batch's own.
        """
        self._reported = logits.detach(), self.labels if labels is None else labels

    @property
    def reported(self) -> tuple[Tensor, Tensor] | None:
        """The logits and labels reported; None if none were."""
        return self._reported

    @property
    def correct(self) -> Tensor | None:
        """The right answers reported, scaled to the batch's size; None if none were."""
        if self._reported is None:
            return None
        logits, truth = self._reported
        return (logits.argmax(1) == truth).float().mean().nan_to_num() * len(self.labels)

    @property
    def answered(self) -> int:
        """How many images `correct` is of: all, but if what was reported is empty, none."""
        return len(self.labels) if self._reported is not None and len(self._reported[1]) else 0


Tamper = Callable[[Tensor, Tensor, Tensor, int, torch.Generator], tuple[Tensor, Tensor]]
"""(images, labels, rows, epoch, draws) of a batch, as stored, to the images and labels to train on: an
attacker's hand in the training. Images are uint8, (n, C, H, W); all but the rows are on the training device;
`draws` is seeded for the epoch."""

Objective = Callable[[nn.Module, Batch], Tensor]
"""(model, batch) to a scalar loss, the mean over the batch. It runs under autocast, with the global random
state seeded for the epoch, so that `torch.rand` and dropout draw the same numbers in every run. The model may
be a compiled stand-in: call it, or read its attributes, but keep no reference to it."""


def cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy of the model's logits with the labels."""
    logits: Tensor = model(batch.inputs)
    batch.report(logits)
    return F.cross_entropy(logits.float(), batch.labels)
