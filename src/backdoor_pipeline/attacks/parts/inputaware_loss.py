"""What Input-aware minimizes: first for the masks alone, then for patterns and classifier together."""

from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.control import CROSS, POISONED, draw_roles
from backdoor_pipeline.attacks.parts.generators import blend, diversity
from backdoor_pipeline.attacks.parts.inputaware_networks import InputAwareNetworks
from backdoor_pipeline.attacks.parts.stored import as_stored
from backdoor_pipeline.training import Batch, sent

LEAST = 16  # images per batch that patterns are made of: even where few are poisoned, they learn to differ


@dataclass(frozen=True, slots=True)
class MaskLoss:
    """lambda_norm max(0, mean of the mask - density), mean over images, + lambda_div diversity.

    The authors' code charges each pixel for what exceeds the density; pixels being nearly 0 or 1, the weight
    then decides how much a mask covers, and the density hardly matters.
    """

    density: float
    lambda_norm: float
    lambda_div: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`; the model is a `MaskGenerator`."""
        masks: Tensor = model(batch.inputs)
        excess = F.relu(masks.mean(dim=(1, 2, 3)) - self.density).mean()
        return self.lambda_norm * excess + self.lambda_div * diversity(batch.inputs, masks)


@dataclass(slots=True)
class JointLoss:
    """Cross-entropy of clean, poisoned and cross samples + lambda_div diversity of the patterns.

    Attributes:
        count: rows of the training set.
        env: for the ratio, the wanted labels and the seed.
        cross_ratio: cross samples per poisoned one.
        lambda_div: weight of the diversity loss.
        never: rows that are not poisoned, see `control.spared`.
    """

    count: int
    env: AttackEnv
    cross_ratio: float
    lambda_div: float
    never: Tensor | None = field(default=None, repr=False)
    _epoch: int = field(default=0, init=False, repr=False)
    _roles: Tensor = field(default_factory=lambda: torch.empty(0), init=False, repr=False)

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`; the model is an `InputAwareNetworks`.

        A cross sample gets the trigger of the image before it in the batch: any other image, for the order is
        random. The patterns' diversity is measured on all images that patterns were made of.
        """
        roles = self._roles_in(batch.epoch)[batch.index]
        poisoned, crossed = roles == POISONED, roles == CROSS
        rows = _leading(poisoned | crossed.roll(-1), LEAST)
        poisoned, crossed, rows = (sent(one, batch.inputs.device) for one in (poisoned, crossed, rows))
        sources = batch.inputs[rows]
        networks = cast(InputAwareNetworks, model)  # perhaps compiled, but its parts are at hand
        patterns = networks.generator(sources)
        own = torch.zeros_like(batch.inputs).index_copy(0, rows, patterns)
        where = torch.zeros_like(batch.inputs[:, :1]).index_copy(0, rows, networks.mask(sources))
        own, where = (torch.where(_spread(crossed), maps.roll(1, 0), maps) for maps in (own, where))
        logits = model(as_stored(blend(batch.inputs, own, where * _spread(poisoned | crossed))))
        labels = torch.where(poisoned, self.env.label_map(batch.labels), batch.labels)
        batch.report(logits, labels)
        return F.cross_entropy(logits.float(), labels) + self.lambda_div * diversity(sources, patterns)

    def _roles_in(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            self._roles = draw_roles(self.count, self.env, self.cross_ratio, epoch, self.never)
            self._epoch = epoch
        return self._roles


def _leading(wanted: Tensor, least: int) -> Tensor:
    """The rows that are wanted (bool, (n,)), and others until there are `least`: int64."""
    order = wanted.int().argsort(descending=True, stable=True)
    return order[: max(int(wanted.sum()), least)]


def _spread(rows: Tensor) -> Tensor:
    return rows.view(-1, 1, 1, 1)
