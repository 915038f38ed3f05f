"""What a trigger is: a small module that stamps a batch of uint8 images, or rewrites sentences."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from backdoor_pipeline.data.samples import Inputs
from backdoor_pipeline.data.texts import Texts


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


class AnyTrigger(nn.Module, ABC):
    """What triggers of images and of texts have in common: how they are saved, and on what they can be put.

    What was learned or drawn lives in buffers and parameters; `config` holds the constructor's arguments, so
    that `type(trigger)(**trigger.config)` followed by `load_state_dict` rebuilds it.

    Class attributes:
        strengths: what makes it stronger or weaker; None: no one number does.
    """

    strengths: ClassVar[Strengths | None] = None

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def can(cls, inputs: Inputs) -> Tensor | None:  # noqa: ARG003
        """Which of these it can be put on: bool, (N,); None: on all."""
        return None


class TextTrigger(AnyTrigger):
    """Turns clean sentences into triggered ones; each by itself, whatever the others are."""

    def __call__(self, texts: Texts) -> Texts:
        """What `forward` does."""
        triggered: Texts = super().__call__(texts)
        return triggered

    @abstractmethod
    def forward(self, texts: Texts) -> Texts:
        """Triggered copies of `texts`, of which each is one that it can be put on."""


class Trigger(AnyTrigger):
    """Turns clean images into triggered ones, on any device."""

    def __call__(self, images: Tensor) -> Tensor:
        """What `forward` does.

        Raises:
            TypeError: the images are not uint8; 255 would be written among values of another range.
        """
        require_uint8(images, "a trigger stamps")
        stamped: Tensor = super().__call__(images)
        return stamped

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


def require_uint8(images: Tensor, who: str) -> None:
    """Refuse images that are not as they are stored.

    Args:
        images: of any shape.
        who: "a trigger stamps", for the error.

    Raises:
        TypeError: they are not uint8.
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"{who} uint8 images in 0..255, not {images.dtype}")


class NoTrigger(Trigger):
    """Leaves images as they are: the trigger of no attack."""

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return images
