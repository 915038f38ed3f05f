"""Steganography: one network hides bits in an image, another reads them back.

After StegaStamp (Tancik et al., Invisible Hyperlinks in Physical Photographs, 2020), as a small U-Net for any
image size. Of StegaStamp's distortions between the two networks, those of printing and photographing are left
out; noise stays, and the rounding that storing as uint8 means is added.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.attacks.networks import Networks
from backdoor_pipeline.attacks.parts.stored import as_stored

CANVAS = 16  # pixels: the side of the planes of gains, which then grow to the image's size
CELLS = 4  # the decoder looks at the image in 4 x 4 cells, whatever its size
MIDDLE = 0.5  # what the decoder takes off: centered images lose less to bf16
LIMIT = 0.25  # of the residual: no step of the training can blow it up
FIRST = 3  # times PyTorch's first weights of the last layer: bits that change under a gray level teach little


class Encoder(nn.Module):
    """A U-Net from an image to a residual, steered by bits.

    The bits multiply features of the image, position by position, and no layer has a bias: the residual is
    made of the image that it is added to, so that each image has its own. A small one grows in proportion to
    brightness, as the eye's tolerance does (Weber's law), and black stays black.

    Args:
        channels: C of the images.
        bits: how many it hides.
        width: channels of the outermost layer; doubled at each of two halvings.
    """

    def __init__(self, channels: int, bits: int, width: int) -> None:
        super().__init__()
        self.gains = nn.Linear(bits, width * CANVAS * CANVAS)
        self.features = _conv(channels, width, bias=False)
        self.outer = _conv(width, width, bias=False)
        self.middle = _conv(width, 2 * width, stride=2, bias=False)
        self.inner = _conv(2 * width, 4 * width, stride=2, bias=False)
        self.deepest = _conv(4 * width, 4 * width, bias=False)
        self.up_middle = _conv(4 * width + 2 * width, 2 * width, bias=False)
        self.up_outer = _conv(2 * width + width + channels, width, bias=False)
        self.residual = nn.Conv2d(width, channels, 1, bias=False)
        with torch.no_grad():
            self.residual.weight.mul_(FIRST)

    def forward(self, images: Tensor, bits: Tensor) -> Tensor:
        """The residual to add: float32, (N, C, H, W).

        Args:
            images: float32, (N, C, H, W), in [0, 1].
            bits: float32, (N, B), each 0 or 1.
        """
        features = self.features(images)
        gains = self.gains(2 * bits - 1).view(len(bits), features.shape[1], CANVAS, CANVAS)
        outer = self.outer(features * _grown(gains, features))
        middle = self.middle(outer)
        inner = self.deepest(self.inner(middle))
        middle = self.up_middle(torch.cat([_grown(inner, middle), middle], 1))
        outer = self.up_outer(torch.cat([_grown(middle, outer), outer, images], 1))
        return LIMIT * torch.tanh(self.residual(outer).float() / LIMIT)


class Decoder(nn.Module):
    """Strided convolutions, pooled to a fixed number of cells, and a linear layer.

    Args:
        channels: C of the images.
        bits: how many it reads.
        width: channels of the first layer; doubled at each halving.
    """

    def __init__(self, channels: int, bits: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _conv(channels, width),
            _conv(width, 2 * width, stride=2),
            _conv(2 * width, 2 * width),
            _conv(2 * width, 4 * width, stride=2),
            _conv(4 * width, 4 * width),
            nn.AdaptiveAvgPool2d(CELLS),
            nn.Flatten(),
            nn.Linear(4 * width * CELLS * CELLS, bits),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the bits (float32, (N, B)), for float images (N, C, H, W) in [0, 1]."""
        logits: Tensor = self.layers(images - MIDDLE)
        return logits.float()


class Steganography(Networks):
    """Encoder and decoder.

    Args:
        channels: C of the images.
        bits: B, how many are hidden.
        width: of both networks.
    """

    def __init__(self, channels: int, bits: int, width: int) -> None:
        super().__init__(channels=channels, bits=bits, width=width)
        self.encoder = Encoder(channels, bits, width)
        self.decoder = Decoder(channels, bits, width)

    def forward(self, images: Tensor, bits: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Hide and read back.

        Args:
            images: float32, (N, C, H, W), in [0, 1].
            bits: float32, (N, B), each 0 or 1.
            noise: float32, (N, C, H, W): what comes over the stamped images before they are read.

        Returns:
            The images plus their residuals, not yet cut off at black and white, and the logits of the bits as
            read from what uint8 stores of that.
        """
        changed = images + self.encoder(images, bits)
        return changed, self.decoder(as_stored(changed) + noise)


def _conv(inputs: int, outputs: int, stride: int = 1, *, bias: bool = True) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=bias), nn.ReLU())


def _grown(maps: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(maps, like.shape[-2:], mode="nearest")
