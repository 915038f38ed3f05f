"""The best trigger that a search has seen of every class, and whether going on is of use."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from backdoor_pipeline.defenses.parts.triggers import Triggers


@dataclass(slots=True)
class Best:
    """The smallest working trigger of every class so far.

    Attributes:
        triggers: the last ones, until one works.
        norms: of those that work; inf before: (n,).
        done: whether the search has stopped: bool, (n,).
    """

    triggers: Triggers
    norms: Tensor
    done: Tensor
    _mark: Tensor
    _stale: Tensor

    @classmethod
    def of(cls, triggers: Triggers) -> Self:
        """Of triggers that do not work yet."""
        unknown = torch.full_like(triggers.success, torch.inf)
        zeros = torch.zeros_like(unknown)
        return cls(triggers, unknown, zeros.bool(), unknown.clone(), zeros.long())

    def update(self, triggers: Triggers, works: Tensor) -> None:
        """Keep those that work and are smaller than any before; of classes that are done, none."""
        smaller = works & (triggers.norms < self.norms) & ~self.done
        self.norms = torch.where(smaller, triggers.norms, self.norms)
        take = smaller | self.norms.isinf()
        for name in Triggers.__slots__:
            getattr(self.triggers, name)[take] = getattr(triggers, name)[take]

    def stop(self, settled: Tensor, ratio: float, patience: int) -> None:
        """Count the epochs without progress, and stop where there were too many.

        Args:
            settled: the classes that may stop: bool, (n,).
            ratio: progress is a norm below this share of what it was at the last progress.
            patience: epochs without any after which a class is done.
        """
        progress = self.norms < ratio * self._mark
        self._mark = torch.where(progress, self.norms, self._mark)
        self._stale = torch.where(progress | self.norms.isinf(), 0, self._stale + 1)
        self.done |= settled & (self._stale >= patience)
