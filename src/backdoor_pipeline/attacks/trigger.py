"""What a trigger is: a small module that stamps a batch of uint8 images."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Strengths:
    """What makes a trigger stronger or weaker, and how strong it is tested.

    Attributes:
        name: the entry of its `config`.
        label: for an axis, with its unit.
        tested: the values at which trigger generalization is tested, beside the trigger's own; the same for
            all experiments with such a trigger, so that these can be laid side by side.
    """

    name: str
    label: str
    tested: tuple[float, ...]


class Trigger(nn.Module, ABC):
    """Turns clean images into triggered ones, on any device.

    What was learned or drawn lives in buffers and parameters; `config` holds the constructor's arguments, so
    that `type(trigger)(**trigger.config)` followed by `load_state_dict` rebuilds it.

    Class attributes:
        strengths: what makes it stronger or weaker; None: no one number does.
    """

    strengths: ClassVar[Strengths | None] = None

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Triggered copies of `images`: uint8, (N, C, H, W), same shape."""

    def own_strength(self) -> float:
        """How strong it is, in the unit of `strengths`, which it must have."""
        assert self.strengths is not None
        return float(self.config[self.strengths.name])

    def at_strength(self, value: float) -> Self:
        """The same trigger, weaker or stronger; it must have `strengths`."""
        assert self.strengths is not None
        kind = type(self.config[self.strengths.name])  # a number of pixels stays a whole one
        other = type(self)(**{**self.config, self.strengths.name: kind(value)})
        other.load_state_dict(self.state_dict())
        return other


class NoTrigger(Trigger):
    """Leaves images as they are: the trigger of no attack."""

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return images
