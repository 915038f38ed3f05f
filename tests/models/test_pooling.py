"""The mean of each channel, and a gradient that does not slow down what comes before it."""

import pytest
import torch
from torch.nn import functional as F

from backdoor_pipeline.models.pooling import global_average


def test_it_is_the_mean_over_all_places() -> None:
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    assert global_average(maps).tolist() == [[5.5, 17.5]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_agrees_with_an_adaptive_pool(dtype: torch.dtype) -> None:
    maps = torch.randn(4, 16, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    maps = maps.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(global_average(maps), F.adaptive_avg_pool2d(maps, 1).flatten(1))


def test_its_gradient_stays_channels_last() -> None:
    maps = torch.randn(4, 16, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
    before, seen = maps * 1, []  # a leaf's own gradient is laid out as the leaf, whatever arrives
    before.register_hook(seen.append)
    global_average(before).sum().backward()
    assert [grad.is_contiguous(memory_format=torch.channels_last) for grad in seen] == [True]
    assert torch.equal(seen[0], torch.full_like(maps, 1 / 64))
