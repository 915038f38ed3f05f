"""How attackers who train the model vary their batches, once these carry the trigger."""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from backdoor_pipeline.attacks.parts.rotation import rotated
from backdoor_pipeline.training.augment import crop_and_mirror


class OwnAugmentation(BaseModel):
    """Random crops, then small rotations, each of a random share of the images.

    Rotated clean images are read between their pixels, as warped ones are: so the blur that this leaves tells
    a model nothing of the trigger.

    Attributes:
        crop: pixels of black around an image that is cropped back to its size.
        crop_share: of the images that are cropped.
        rotation: the largest angle in degrees, to either side.
        rotation_share: of the images that are rotated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop: int = Field(ge=0)
    crop_share: float = Field(ge=0, le=1)
    rotation: float = Field(ge=0, le=180)
    rotation_share: float = Field(ge=0, le=1)

    @property
    def idle(self) -> bool:
        """Whether it changes no image."""
        return not (self.crop and self.crop_share) and not (self.rotation and self.rotation_share)

    def __call__(self, images: Tensor, mirror: bool, draws: torch.Generator) -> Tensor:
        """Varied copies.

        Args:
            images: uint8, (n, C, H, W).
            mirror: whether half of them are mirrored too.
            draws: on the images' device.

        Returns:
            uint8, (n, C, H, W).
        """
        n, device, padding = len(images), images.device, self.crop

        def chosen(share: float) -> Tensor:
            return torch.rand(n, generator=draws, device=device) < share

        offset = torch.randint(2 * padding + 1, (2, n), generator=draws, device=device)
        top, left = torch.where(chosen(self.crop_share), offset, padding)
        images = crop_and_mirror(images, padding, top, left, chosen(0.5 if mirror else 0))
        angle = torch.empty(n, device=device).uniform_(-1, 1, generator=draws) * self.rotation
        return rotated(images, torch.where(chosen(self.rotation_share), angle, 0))
