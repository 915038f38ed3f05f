"""Elastic warps: smooth fields of small shifts, from a coarse grid (Nguyen and Tran, WaNet, section 3.2)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.attacks.trigger import Strengths, Trigger

CHUNK_PIXELS = 2**18  # warped at a time: bounds the memory, and keeps to a CPU's caches (twice as fast)


class WarpTrigger(Trigger):
    """Takes every pixel from a place nearby: the shifts vary smoothly and are the same for all images.

    Grids are torch's: (x, y) in [-1, 1], where -1 and 1 are the centers of the outermost pixels
    (`align_corners`), as in the authors' code. A shift of s / H is then s / 2 pixels, whatever the size.

    Args:
        grid_size: k of the k x k control grid.
        strength: s: the mean shift at the control points, in half pixels.
        grid_rescale: the whole grid is scaled by it, about the image's center.
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "strength", "mean shift (half pixels)", (0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0)
    )

    control: Tensor  # (2, k, k): the shift in x and y at each control point; of mean magnitude 1

    def __init__(self, grid_size: int, strength: float, grid_rescale: float) -> None:
        super().__init__(grid_size=grid_size, strength=strength, grid_rescale=grid_rescale)
        self.strength, self.grid_rescale = strength, grid_rescale
        self.register_buffer("control", torch.zeros(2, grid_size, grid_size))

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        grid = self.grid(images)
        return torch.cat([sample(part, grid.expand(len(part), -1, -1, -1)) for part in chunks(images)])

    def grid(self, images: Tensor) -> Tensor:
        """Where each pixel of such images is taken from: float32, (H, W, 2), in [-1, 1]."""
        height, width = images.shape[-2:]
        flow = F.interpolate(self.control[None], (height, width), mode="bicubic", align_corners=True)[0]
        shift = self.strength * flow.permute(1, 2, 0) / size_of(images)
        return ((_identity(images) + shift) * self.grid_rescale).clamp(-1, 1)


def draw_control(size: int, draws: torch.Generator) -> Tensor:
    """A control grid (2, k, k) of uniform shifts, divided by their mean magnitude."""
    shifts = torch.empty(1, 2, size, size, device=draws.device).uniform_(-1, 1, generator=draws)[0]
    return shifts / shifts.abs().mean()


def sample(images: Tensor, grid: Tensor) -> Tensor:
    """Uint8 images (n, C, H, W) read at the grid (n, H, W, 2), between pixels by bilinear interpolation."""
    warped = F.grid_sample(images.float(), grid, mode="bilinear", align_corners=True)
    return warped.round_().to(torch.uint8)  # weighted means of pixels: they cannot leave 0..255


def _identity(images: Tensor) -> Tensor:
    """The grid that leaves such images as they are: (H, W, 2)."""
    y, x = (torch.linspace(-1, 1, side, device=images.device) for side in images.shape[-2:])
    return torch.stack([*torch.meshgrid(x, y, indexing="xy")], dim=-1)


def size_of(images: Tensor) -> Tensor:
    """(W, H), in the order of a grid's coordinates."""
    height, width = images.shape[-2:]
    sides = [torch.full((), side, device=images.device) for side in (width, height)]
    return torch.stack(sides)  # filled in on the device: a copy from the host would be waited for


def chunks(images: Tensor) -> tuple[Tensor, ...]:
    """The images in parts of at most `CHUNK_PIXELS`."""
    height, width = images.shape[-2:]
    return torch.split(images, max(1, CHUNK_PIXELS // (height * width)))
