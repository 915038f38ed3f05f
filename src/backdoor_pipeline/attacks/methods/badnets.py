"""BadNets: a small white patch (Gu et al., Evaluating Backdooring Attacks on Deep Neural Networks, 2019)."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.data.images import ImageSet

REFERENCE_SIZE = 32  # pixels: the image size at which `patch_size` is meant


class PatchTrigger(Trigger):
    """White squares over the bottom-right corner, without a margin.

    Args:
        size: the patch's side in pixels.
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "size", "patch side (pixels)", (1, 2, 3, 4, 6, 8, 12, 16)
    )

    def __init__(self, size: int) -> None:
        super().__init__(size=size)
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        stamped = images.clone()
        stamped[..., -self.size :, -self.size :] = torch.iinfo(torch.uint8).max
        return stamped


class BadNets(Attack):
    """A white patch in the bottom-right corner; its side grows with the image (3 at 32 pixels, 6 at 64)."""

    name: ClassVar[str] = "badnets"
    trigger_type: ClassVar[type[Trigger]] = PatchTrigger

    patch_size: int = Field(gt=0, le=REFERENCE_SIZE)  # pixels at 32 x 32

    def craft(self, train: ImageSet, env: AttackEnv) -> PatchTrigger:  # noqa: ARG002
        """See `Attack.craft`; nothing is learned."""
        _, height, width = train.image_shape
        return PatchTrigger(max(1, round(self.patch_size * min(height, width) / REFERENCE_SIZE)))
