"""What a defense that detects says of a model and its training set, without mending anything."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from backdoor_pipeline.defenses.base import DefenderView, Suspicion


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector says.

    Attributes:
        suspicious: whether it takes the model or its data for backdoored.
        says: what it found, in a few words.
        sure: the numbers that decided, and what they were compared with.
        suspicion: what it holds against each training row, if it looks at them.
        pictures: float, (C, H, W), in [0, 1], by title, such as reversed triggers.
    """

    suspicious: bool
    says: str
    sure: str
    suspicion: Suspicion | None = None
    pictures: Mapping[str, Tensor] = field(default_factory=dict)


class Detector(ABC):
    """A defense that can say whether there is a backdoor."""

    @abstractmethod
    def detect(self, view: DefenderView, significance: float) -> Finding:
        """Look at the model, and at the training set if it reads that; change nothing.

        Args:
            view: as for `Defense.defend`.
            significance: the probability of a false alarm that is borne, over all classes together, where the
                detector can tell it.

        Raises:
            UserError: the model lacks what this detector needs.
        """


def named(labels: list[int], classes: tuple[str, ...]) -> str:
    """Classes by number and, if they have one, name.

    >>> named([0, 1], ("0", "cat"))
    'class 0 and class 1 (cat)'
    """
    told = [f"class {k}" + (f" ({classes[k]})" if classes[k] != str(k) else "") for k in labels]
    return " and ".join(told)
