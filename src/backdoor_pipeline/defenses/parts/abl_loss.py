"""The losses of ABL's phases."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.training import Batch
from backdoor_pipeline.training.batches import are_ids


@dataclass(frozen=True, slots=True)
class Flooding:
    """|L - b| + b of a batch's mean loss L: below the flood level b it climbs (Ishida et al., 2020)."""

    level: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`."""
        return (_losses(model, batch).mean() - self.level).abs() + self.level


@dataclass(frozen=True, slots=True)
class LocalGradientAscent:
    """Mean of sign(l - gamma) l over a batch's losses l: each is held at gamma (LGA, the paper's equation 3).

    Poison, learned within a few steps, falls through: where the loss is small, so is the slope to climb.
    """

    gamma: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`."""
        losses = _losses(model, batch)
        return ((losses - self.gamma).sign() * losses).mean()


def ascent(model: nn.Module, batch: Batch) -> Tensor:
    """Minus the mean cross-entropy of a batch of isolated images: the paper's unlearning, as in its code.

    Its slope vanishes where the model is sure, so that it starts late, and not where the model has forgotten,
    so that it ends in collapse: how many steps it takes decides what is left.
    """
    return -_losses(model, batch).mean()


@dataclass(frozen=True, slots=True)
class JointUnlearning:
    """Ascent on isolated images and descent on kept ones in one batch, as in the paper's equation 3 (GGA).

    The ascent goes down -log(1 - p), p the probability of the given label: up the cross-entropy, p / (1 - p)
    times as steeply. Its slope does not vanish where the model is sure, and does where it has forgotten.

    Attributes:
        kept: batches of kept images; see `stream`.
        weight: of the descent; the ascent has 1. Isolated images may truly be of the class that is forgotten:
            unless kept ones outweigh them, that class goes with the trigger.
    """

    kept: Iterator[tuple[Tensor, Tensor]]
    weight: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`; the batch is of isolated images."""
        inputs, labels = next(self.kept)
        logits = model(_stacked(inputs, batch.inputs)).float()
        kept, isolated = logits[: len(labels)], logits[len(labels) :]
        batch.report(isolated)
        return self.weight * F.cross_entropy(kept, labels) + forgetting(isolated, batch.labels).mean()


def _stacked(one: Tensor, other: Tensor) -> Tensor:
    """Both batches as one; token ids, (n, L), padded to the longer."""
    if are_ids(one):
        longest = max(one.shape[1], other.shape[1])
        one, other = (F.pad(ids, (0, longest - ids.shape[1])) for ids in (one, other))
    return torch.cat([one, other])


def forgetting(logits: Tensor, labels: Tensor) -> Tensor:
    """-log(1 - p) of every row's label, finite however sure the model is: (N,)."""
    others = logits.scatter(1, labels[:, None], float("-inf"))
    return logits.logsumexp(1) - others.logsumexp(1)


def _losses(model: nn.Module, batch: Batch) -> Tensor:
    logits: Tensor = model(batch.inputs)
    batch.report(logits)
    return F.cross_entropy(logits.float(), batch.labels, reduction="none")
