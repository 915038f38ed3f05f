"""Blended: a key picture shines through every image (Chen et al., Targeted Backdoor Attacks, 2017)."""

from pathlib import Path
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.parts.blocks import in_blocks
from backdoor_pipeline.attacks.parts.key_image import drawn_key, read_key
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import DatasetSpec, ImageSpec


class BlendTrigger(Trigger):
    """x' = (1 - alpha) x + alpha k, to the nearest whole value; a buffer holds the key k.

    Args:
        alpha: the key's share.
        shape: (C, H, W) of the key, black at first.
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "alpha", "the key's share", (0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
    )

    key: Tensor

    def __init__(self, alpha: float, shape: tuple[int, int, int]) -> None:
        super().__init__(alpha=alpha, shape=list(shape))
        self.alpha = alpha
        self.register_buffer("key", torch.zeros(*shape, dtype=torch.uint8))

    @classmethod
    def of(cls, key: Tensor, alpha: float) -> "BlendTrigger":
        """The trigger with this key (uint8, (C, H, W))."""
        channels, height, width = key.shape
        trigger = cls(alpha, (channels, height, width))
        trigger.key.copy_(key)
        return trigger

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`; images have the key's shape."""
        share = self.key.float() * self.alpha
        # product and sum apart, not fused: the same value on every device where it is close to a half
        return in_blocks(lambda part: part.float().mul_(1 - self.alpha).add_(share).round_(), images)


class Blended(Attack):
    """A key picture blended into the whole image: the cartoon of `key_image`, or one from a file."""

    name: ClassVar[str] = "blended"
    trigger_type: ClassVar[type[Trigger]] = BlendTrigger

    alpha: float = Field(gt=0, le=1)  # the key's share
    image: Path | None  # the key's file; None: the cartoon

    def require(self, dataset: DatasetSpec) -> None:
        """See `Attack.require`: a key that is a picture."""
        assert isinstance(dataset, ImageSpec)
        if self.image:
            read_key(self.image, dataset.image_shape)

    def craft(self, train: ImageSet, env: AttackEnv) -> BlendTrigger:  # noqa: ARG002
        """See `Attack.craft`; the seed has no part in it.

        Raises:
            UserError: the key's file is missing or no picture.
        """
        shape = train.image_shape
        return BlendTrigger.of(read_key(self.image, shape) if self.image else drawn_key(shape), self.alpha)
