"""Random crop and horizontal flip of whole batches of uint8 images, on the device that holds them."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from backdoor_pipeline.data.spec import Augmentation


def augment(images: Tensor, augmentation: "Augmentation", generator: torch.Generator) -> Tensor:
    """Each image cropped at its own offset from a black-padded copy, then mirrored with probability 1/2.

    Args:
        images: uint8, (n, C, H, W).
        augmentation: `crop_padding` in pixels (0: no crop) and `horizontal_flip`.
        generator: on the images' device.

    Returns:
        uint8, (n, C, H, W).
    """
    n, device, padding = len(images), images.device, augmentation.crop_padding
    offset = torch.zeros(2, n, dtype=torch.int64, device=device)
    if padding:
        offset = torch.randint(2 * padding + 1, (2, n), generator=generator, device=device)
    mirrored = torch.zeros(n, dtype=torch.bool, device=device)
    if augmentation.horizontal_flip:
        mirrored = torch.rand(n, generator=generator, device=device) < 0.5
    if not padding and not augmentation.horizontal_flip:
        return images
    return crop_and_mirror(images, padding, offset[0], offset[1], mirrored)


def crop_and_mirror(images: Tensor, padding: int, top: Tensor, left: Tensor, mirrored: Tensor) -> Tensor:
    """Crops of the zero-padded images, back at their own size.

    One gather over flattened pixels: as fast as indexing strided windows at 32 pixels, twice as fast at 224,
    and 3 to 8 times as fast as indexing by four coordinates (measured on a CPU).

    Args:
        images: uint8, (n, C, H, W).
        padding: pixels on every side.
        top: int64, (n,), 0..2 padding: the crop's first row in the padded image.
        left: int64, (n,): its first column.
        mirrored: bool, (n,): read the crop's columns backwards.
    """
    n, channels, height, width = images.shape
    padded = F.pad(images, (padding, padding, padding, padding)) if padding else images
    column = torch.arange(width, device=images.device)
    column = torch.where(mirrored[:, None], width - 1 - column, column) + left[:, None]
    row = torch.arange(height, device=images.device) + top[:, None]
    pixel = row[:, :, None] * (width + 2 * padding) + column[:, None, :]
    pixel = pixel.view(n, 1, height * width).expand(n, channels, height * width)
    return padded.flatten(2).gather(2, pixel).view_as(images)
