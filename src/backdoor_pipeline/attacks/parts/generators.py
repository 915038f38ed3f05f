"""The networks of Input-aware: an image's own pattern, and the mask that says where the pattern shows.

After the authors' architecture (Nguyen and Tran, Input-Aware Dynamic Backdoor Attack, 2020): an
encoder-decoder without shortcuts. Theirs has 32 channels and three halvings, for MNIST 16 and two.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SHARPNESS = 40  # of a mask's step from 0 to 1
EPSILON = 1e-3  # a quarter of a gray level; at 1e-7, as the authors have, one equal pair drowns the rest


class PatternGenerator(nn.Module):
    """From images to maps of their size with values in (0, 1); any size will do.

    Args:
        channels: C of the images.
        outputs: channels of the maps; C for patterns.
        width: channels of the outermost layers; doubled at each halving.
        depth: how often the size is halved.
        mean: per channel, for images in [0, 1].
        std: per channel, for images in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, channels: int, outputs: int, width: int, depth: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))
        widths = [width * 2**level for level in range(depth)]
        self.down = nn.ModuleList(
            nn.Sequential(*_block(inner, wide), *_block(wide, wide))
            for inner, wide in zip([channels, *widths], widths, strict=False)
        )
        self.middle = nn.Sequential(*_block(widths[-1], widths[-1]))
        self.up = nn.ModuleList(
            nn.Sequential(*_block(wide, wide), *_block(wide, outer))
            for wide, outer in zip(widths[::-1], [*widths[-2::-1], outputs], strict=True)
        )
        self.up[-1].pop(-1)  # type: ignore[operator]  # the last layer has no ReLU

    def forward(self, images: Tensor) -> Tensor:
        """Float32 maps (N, outputs, H, W), for float images (N, C, H, W) in [0, 1]."""
        maps, sizes = (images - self.mean) / self.std, []
        for block in self.down:
            maps = block(maps)
            sizes.append(maps.shape[-2:])
            maps = F.max_pool2d(maps, 2, ceil_mode=True)
        maps = self.middle(maps)
        for block, size in zip(self.up, reversed(sizes), strict=True):
            maps = block(F.interpolate(maps, size, mode="bilinear", align_corners=False))
        return torch.tanh(maps.float()) / 2 + 0.5


class MaskGenerator(PatternGenerator):
    """From images to masks: nearly 1 where the pattern replaces the image, elsewhere nearly 0."""

    def forward(self, images: Tensor) -> Tensor:
        """See `PatternGenerator.forward`."""
        return torch.sigmoid(SHARPNESS * (super().forward(images) - 0.5))


def blend(images: Tensor, patterns: Tensor, masks: Tensor) -> Tensor:
    """The patterns in the images' place, as far as the masks say: x + (p - x) m."""
    return images + (patterns - images) * masks


def diversity(images: Tensor, outputs: Tensor) -> Tensor:
    """The diversity loss: how much more two images differ than what was made of them, mean over pairs.

    Distances are root mean squares, so that maps of one and of three channels are measured alike.

    Args:
        images: (n, C, H, W); each is paired with the one before it.
        outputs: their patterns or masks, (n, C', H, W).
    """
    return (_distance(images) / (_distance(outputs) + EPSILON)).mean()


def _distance(maps: Tensor) -> Tensor:
    between = (maps - maps.roll(1, 0)).flatten(1)
    norms: Tensor = torch.linalg.vector_norm(between, dim=1)
    return norms / math.sqrt(between.shape[1])


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
