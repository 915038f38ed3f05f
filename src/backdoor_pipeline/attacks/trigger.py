"""What a trigger is: a small module that stamps a batch of uint8 images."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn


class Trigger(nn.Module, ABC):
    """Turns clean images into triggered ones, on any device.

    What was learned or drawn lives in buffers and parameters; `config` holds the constructor's arguments, so
    that `type(trigger)(**trigger.config)` followed by `load_state_dict` rebuilds it.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Triggered copies of `images`: uint8, (N, C, H, W), same shape."""


class NoTrigger(Trigger):
    """Leaves images as they are: the trigger of no attack."""

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return images
