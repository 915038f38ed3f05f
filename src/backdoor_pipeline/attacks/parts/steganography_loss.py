"""What steganography is trained on: bits to be read, in residuals that hardly show and are never the same."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.training.objective import Batch

WINDOW = 7  # pixels: of SSIM's local statistics
C1, C2 = 0.01**2, 0.03**2  # of SSIM, for pixel values in 0..1
HALVINGS = 2  # of the images in `distance`


@dataclass(frozen=True, slots=True)
class SteganographyLoss:
    """Message, image, perceptual and likeness loss of a `Steganography`, with new random bits in each step.

    At first only the message counts; the noise and the weights of the other losses are ramped in. Without
    noise the networks come to agree on single gray levels, which no victim's classifier would notice. The
    image losses also see what goes beyond black and white and is cut off there: no gradient of the message
    would bring it back.

    The ramp of a short training is steep. Lest the image losses shut the channel before the networks can
    adapt, they count only as far as a batch's bits are read: see `readability`.

    Attributes:
        bits: B.
        noise: largest standard deviation of the Gaussian noise that the bits must survive, with pixel values
            in 0..1; each image draws its own below.
        image_weight: of `distance`; the message's cross-entropy has 1.
        perceptual_weight: of `dissimilarity`.
        likeness_weight: of `likeness`; 0 is the paper's loss.
        ramp: steps that noise and image losses take to grow to their full size.
    """

    bits: int
    noise: float
    image_weight: float
    perceptual_weight: float
    likeness_weight: float
    ramp: int

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `Objective`; the accuracy reported is that of single bits."""
        share, images = self.share(batch.step), batch.inputs
        bits = paired_bits(len(images), self.bits, images.device)
        changed, logits = model(images, bits.float(), share * self.noise * uneven_noise(images))
        batch.report(torch.stack([-logits, logits], dim=-1).flatten(0, 1), bits.flatten())
        message = F.binary_cross_entropy_with_logits(logits, bits.float())
        image = self.image_weight * distance(images, changed)
        perceptual = self.perceptual_weight * dissimilarity(images, changed)
        alike = self.likeness_weight * likeness(changed - images)
        return message + share * readability(logits, bits) * (image + perceptual + alike)

    def share(self, step: int) -> float:
        """How much of the noise and the image losses there is at a step (from 0): 0 to 1."""
        return min(1.0, step / max(1, self.ramp))


def paired_bits(images: int, bits: int, device: torch.device) -> Tensor:
    """Random bits (int64, (N, B)); those of a batch's first half come again, in order, in its second."""
    return torch.randint(0, 2, (images - images // 2, bits), device=device).repeat(2, 1)[:images]


def uneven_noise(images: Tensor) -> Tensor:
    """Gaussian noise like the images, its standard deviation drawn evenly from 0..1 for each image."""
    return torch.rand(len(images), 1, 1, 1, device=images.device) * torch.randn_like(images)


def likeness(residuals: Tensor) -> Tensor:
    """How much residuals that hide the same bits have in common: the mean squared cosine of each pair.

    Not in the paper, which trusts that residuals are sample-specific; trained without it, they come close to
    one pattern for all images, as that is what survives noise best. Little else is lost by it.

    Args:
        residuals: float32, (N, C, H, W), of images with `paired_bits`.

    Returns:
        A scalar in 0..1.
    """
    pairs = len(residuals) // 2
    flat = residuals.flatten(1)
    return F.cosine_similarity(flat[:pairs], flat[len(flat) - pairs :]).square().mean()


def readability(logits: Tensor, bits: Tensor) -> Tensor:
    """0 while at most 3 of 4 bits are read (guessing reads 2), then linearly up to 1.

    Args:
        logits: of the bits, (N, B).
        bits: 0 or 1, (N, B).
    """
    accuracy = ((logits > 0) == (bits > 0)).float().mean()
    return (4 * accuracy - 3).clamp(min=0)


def distance(clean: Tensor, stamped: Tensor) -> Tensor:
    """The image loss: squared residuals at the image's size, half and a quarter of it, weighing 1, 4 and 16.

    White noise costs the same at each size. A tint of a whole area, which shows far more, costs 21 times its
    mean square; the mean square alone, and SSIM too, are nearly blind to that difference.

    Args:
        clean: float32, (N, C, H, W), in [0, 1].
        stamped: likewise.

    Returns:
        The weighted sum of the mean squares: a scalar.
    """
    residual = stamped - clean
    return torch.stack(
        [4**level * F.avg_pool2d(residual, 2**level).square().mean() for level in range(HALVINGS + 1)]
    ).sum()


def dissimilarity(clean: Tensor, stamped: Tensor) -> Tensor:
    """The perceptual loss: 1 - SSIM (Wang et al., 2004, equation 13), at the image's size and at half of it.

    The paper takes LPIPS, whose weights come from ImageNet and human judgments; they do not ship with this
    project, and 28 gray pixels are far from what they were learned on. SSIM needs none and models the same
    masking: a residual shows where an image is flat, and hides where it has structure of its own.

    Args:
        clean: float32, (N, C, H, W), in [0, 1].
        stamped: likewise.

    Returns:
        The mean over images and both sizes: a scalar in 0..2.
    """
    return 1 - (_ssim(clean, stamped) + _ssim(F.avg_pool2d(clean, 2), F.avg_pool2d(stamped, 2))) / 2


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """Mean SSIM with a box window: cheap enough for every step."""
    window = min(WINDOW, *x.shape[-2:])
    moments = torch.cat([x, y, x * x, y * y, x * y]).contiguous()  # pooling is slow with channels last
    moments = F.avg_pool2d(F.avg_pool2d(moments, (window, 1), stride=1), (1, window), stride=1)
    mean_x, mean_y, square_x, square_y, product = moments.chunk(5)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    structure = (2 * (product - mean_x * mean_y) + C2) / (variances + C2)
    return (luminance * structure).mean()
