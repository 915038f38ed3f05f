"""Which label the attacker wants for a triggered image."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

LabelMapName = Literal["all_to_one", "all_to_all"]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """All-to-one: every image becomes `target`. All-to-all: y becomes (y + 1) mod K (Gu et al., 2019).

    Attributes:
        kind: which of the two.
        target: the target class of all-to-one; None with all-to-all.
        num_classes: K.
    """

    kind: LabelMapName
    target: int | None
    num_classes: int

    def __call__(self, labels: Tensor) -> Tensor:
        """The wanted labels of images with these true labels (int64, (N,))."""
        if self.kind == "all_to_all":
            return (labels + 1) % self.num_classes
        assert self.target is not None
        return torch.full_like(labels, self.target)
