import math

import pytest
import torch

from backdoor_pipeline.attacks.parts.low_pass import low_pass


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 28), (9, 12)])
def test_a_wave_is_scaled_by_the_gain_at_its_frequency(height: int, width: int) -> None:
    row, column = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    wave = torch.cos(2 * math.pi * (2 * row / height + 3 * column / width) + 0.4)
    torch.testing.assert_close(low_pass(wave, 6.0), wave * math.exp(-(2**2 + 3**2) / 72), atol=1e-5, rtol=0)


def test_brightness_passes_whole_and_the_filter_is_symmetric() -> None:
    torch.testing.assert_close(low_pass(torch.full((3, 8, 8), 0.3), 1.0), torch.full((3, 8, 8), 0.3))
    draws = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 3, 15, 14, dtype=torch.float64, generator=draws)
    torch.testing.assert_close((low_pass(a, 2.5) * b).sum(), (a * low_pass(b, 2.5)).sum())
