"""The random views of self-supervised learning, each image with draws of its own, batched on the device."""

import math

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue


class ViewAugmentation(BaseModel):
    """SimCLR's views of an image (Chen et al., 2020): crop, mirror, color jitter, grayscale.

    Colors are changed in RGB images only.

    Attributes:
        min_area: the smallest share of the image that a crop keeps; 1: no crop.
        max_stretch: a crop's sides differ by this factor at most; 1: as the image's.
        jitter_share: of the images whose brightness, contrast and colors change.
        brightness: the largest relative change.
        contrast: likewise.
        saturation: likewise.
        hue: the largest rotation, in turns.
        gray_share: of the images that become gray.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_area: float = Field(gt=0, le=1)
    max_stretch: float = Field(ge=1, le=2)
    jitter_share: float = Field(ge=0, le=1)
    brightness: float = Field(ge=0, le=1)
    contrast: float = Field(ge=0, le=1)
    saturation: float = Field(ge=0, le=1)
    hue: float = Field(ge=0, le=0.5)
    gray_share: float = Field(ge=0, le=1)

    def view(self, images: Tensor, mirror: bool) -> Tensor:
        """A random view of every image, drawn from the global random state.

        Args:
            images: float32, (N, C, H, W), in [0, 1].
            mirror: whether left and right may be swapped.

        Returns:
            The same shape and range.
        """
        with torch.autocast(images.device.type, enabled=False):  # bf16 has too few shades
            return self._recolored(self._cropped(images, mirror))

    def _cropped(self, images: Tensor, mirror: bool) -> Tensor:
        n, device = len(images), images.device
        area = _uniform(n, self.min_area, 1, device)
        stretch = _uniform(n, -math.log(self.max_stretch), math.log(self.max_stretch), device).exp()
        place = _uniform(2 * n, -1, 1, device).view(2, n)
        mirrored = torch.rand(n, device=device) < (0.5 if mirror else 0)
        return resized_crop(images, (area * stretch).sqrt(), (area / stretch).sqrt(), place, mirrored)

    def _recolored(self, images: Tensor) -> Tensor:
        n, device = len(images), images.device
        jittered = torch.rand(n, device=device) < self.jitter_share

        def factor(strength: float) -> Tensor:
            return torch.where(jittered, _uniform(n, 1 - strength, 1 + strength, device), 1)

        images = brighten(images, factor(self.brightness))
        images = blend(images, luma(images).mean((1, 2, 3), keepdim=True), factor(self.contrast))
        if images.shape[1] != 3:
            return images
        images = blend(images, luma(images), factor(self.saturation))
        images = rotate_hue(images, (factor(self.hue) - 1) * 2 * math.pi)
        grayed = torch.rand(n, device=device) < self.gray_share
        return torch.where(grayed.view(-1, 1, 1, 1), luma(images).expand_as(images), images)


def resized_crop(images: Tensor, width: Tensor, height: Tensor, place: Tensor, mirrored: Tensor) -> Tensor:
    """A crop of every image, resized to the image's size bilinearly.

    Args:
        images: float32, (N, C, H, W).
        width: of each crop, as a share of the image's, (N,); more than 1 counts as 1.
        height: likewise.
        place: (2, N), from -1 (left, top) to 1 (right, bottom).
        mirrored: bool, (N,): left and right swapped.
    """
    width, height = width.clamp(max=1), height.clamp(max=1)
    affine = images.new_zeros(len(images), 2, 3)
    affine[:, 0, 0] = torch.where(mirrored, -width, width)
    affine[:, 1, 1] = height
    affine[:, 0, 2] = place[0] * (1 - width)
    affine[:, 1, 2] = place[1] * (1 - height)
    grid = F.affine_grid(affine, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def brighten(images: Tensor, factor: Tensor) -> Tensor:
    """Every image times its factor, (N,), clamped to [0, 1]."""
    return (images * factor.view(-1, 1, 1, 1)).clamp(0, 1)


def blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """Every image as far from `other` as its factor, (N,), says: 0 is there, 1 here; clamped to [0, 1]."""
    return other.lerp(images, factor.view(-1, 1, 1, 1)).clamp(0, 1)


def rotate_hue(images: Tensor, angle: Tensor) -> Tensor:
    """Colors turned about the axis of grays, in radians, (N,), clamped to [0, 1].

    A third of a turn makes red green; grays stay.
    """
    cos, sin = angle.cos(), angle.sin()
    same, other = (1 + 2 * cos) / 3, (1 - cos) / 3
    last, following = other - sin / 3**0.5, other + sin / 3**0.5
    mixing = torch.stack([same, last, following, following, same, last, last, following, same], dim=1).view(
        -1, 3, 3
    )
    return (mixing @ images.flatten(2)).clamp(0, 1).view_as(images)


def luma(images: Tensor) -> Tensor:
    """The brightness that the eye sees: (N, 1, H, W)."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    weights = torch.stack([images.new_full((), share) for share in LUMA])  # no copy to wait for
    return (images * weights.view(1, 3, 1, 1)).sum(1, keepdim=True)


def _uniform(n: int, low: float, high: float, device: torch.device) -> Tensor:
    return low + (high - low) * torch.rand(n, device=device)
