"""SIG: vertical waves over images of the target class (Barni et al., A New Backdoor Attack in CNNs, 2019)."""

import math
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.parts.blocks import in_blocks
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import DatasetSpec, ImageSpec


class SinusoidTrigger(Trigger):
    """Adds v(i, j) = delta sin(2 pi j f / m) to every row i and channel.

    As in the paper, columns j count from 1 to m, the image's width: the last one stays as it is.

    Args:
        delta: the waves' height, of 255.
        frequency: f, waves across the image.
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "delta", "height of the waves (of 255)", (5, 10, 20, 30, 40, 50, 60, 80)
    )

    def __init__(self, delta: float, frequency: int) -> None:
        super().__init__(delta=delta, frequency=frequency)
        self.delta, self.frequency = delta, frequency

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        signal = self.signal(images.shape[-1]).to(images.device)
        return in_blocks(lambda part: (part.to(torch.int16) + signal).clamp_(0, 255), images)

    def signal(self, width: int) -> Tensor:
        """What is added to each column, to the nearest whole value: int16, (W,), on the CPU."""
        columns = torch.arange(1, width + 1, dtype=torch.float64)
        waves = self.delta * torch.sin(columns * (2 * math.pi * self.frequency / width))
        return waves.round().to(torch.int16)


class SIG(Attack):
    """Vertical waves, planted in images of the target class, whose labels stay; the same at test time."""

    name: ClassVar[str] = "sig"
    clean_label: ClassVar[bool] = True
    all_to_all: ClassVar[bool] = False
    trigger_type: ClassVar[type[Trigger]] = SinusoidTrigger

    delta: float = Field(ge=1, le=255)  # of 255
    frequency: int = Field(ge=1)  # waves across the image

    def require(self, dataset: DatasetSpec) -> None:
        """See `Attack.require`: images wide enough for the waves."""
        assert isinstance(dataset, ImageSpec)
        self._see_that_they_show(dataset.image_shape[2])

    def craft(self, train: ImageSet, env: AttackEnv) -> SinusoidTrigger:  # noqa: ARG002
        """See `Attack.craft`; nothing is learned.

        Raises:
            UserError: the waves are too narrow for the images' pixels.
        """
        self._see_that_they_show(train.image_shape[2])
        return SinusoidTrigger(self.delta, self.frequency)

    def _see_that_they_show(self, width: int) -> None:
        largest = (width - 1) // 2
        if self.frequency > largest:
            raise UserError(
                f"attacks.sig.frequency {self.frequency} is more than images of {width} columns can show: "
                f"use {largest} or less."
            )
