import math

import pytest
import torch
from torch.nn import functional as F

from backdoor_pipeline.attacks.parts.low_pass import low_pass


def gains(size: int, sigma: float) -> torch.Tensor:
    """What is left of a wave of 0, 1, 2, ... cycles across an image: the spectrum of a blurred point."""
    point = torch.zeros(1, size, size, dtype=torch.float64)
    point[0, size // 2 - 1, size // 2 - 1] = 1
    return torch.fft.fft(low_pass(point, sigma)[0].sum(0)).abs()


def test_the_gains_are_those_of_the_authors_filter() -> None:
    found = gains(32, 6.0)[[0, 1, 2, 4, 8]]
    expected = torch.tensor([1, 0.52, 0.05, 0.007, 0.004], dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=0.005, rtol=0.1)
    # a Gaussian's transform, but for the cut-off
    formula = [math.exp(-2 * (math.pi * 6 * cycles / 32) ** 2) for cycles in (0, 1, 2, 4, 8)]
    torch.testing.assert_close(found, torch.tensor(formula, dtype=torch.float64), atol=0.02, rtol=0)


@pytest.mark.parametrize("size", [28, 64, 224])
def test_the_same_waves_pass_at_every_image_size(size: int) -> None:
    torch.testing.assert_close(gains(size, 6.0)[:5], gains(32, 6.0)[:5], atol=0.01, rtol=0)


def test_it_is_the_authors_padded_convolution() -> None:
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kernel = torch.exp(-(((torch.arange(30, dtype=torch.float64) - 14.5) / 6) ** 2) / 2)
    square = (kernel[:, None] * kernel / kernel.sum() ** 2).expand(3, 1, 30, 30)
    expected = F.conv2d(F.pad(images, (14, 15, 14, 15)), square, groups=3)
    torch.testing.assert_close(low_pass(images, 6.0), expected)


def test_two_pixels_by_hand() -> None:
    # sigma 0.4 pixels at 32: a kernel of 2, which are equally far from its center
    image = torch.zeros(32, 32)
    image[0, 0], image[31, 31] = 4, 8
    expected = torch.zeros(32, 32)
    expected[0, 0] = 1  # one of its four pixels is lit
    expected[31, 31] = expected[30, 30] = expected[30, 31] = expected[31, 30] = 2
    torch.testing.assert_close(low_pass(image, 0.4), expected)


def test_no_width_to_speak_of_leaves_images_as_they_are() -> None:
    image = torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(low_pass(image, 0.01), image)
