import pytest
import torch
from helpers.models import build
from helpers.tiny_backdoor import classifier, color_network
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.lipschitz import (
    NormalizedConvolution,
    channel_bounds,
    normalized_convolutions,
)


def pairs(name: str, **options) -> dict[str, str]:
    """The name of each BatchNorm's convolution."""
    model = build(name, classes=4, **options)
    names = {id(module): name for name, module in model.named_modules()}
    return {
        norm.removeprefix("backbone."): names[id(layer.convolution)].removeprefix("backbone.")
        for norm, layer in normalized_convolutions(model).items()
    }


def layer(kernels: torch.Tensor, gamma, variance, eps: float = 0.0) -> NormalizedConvolution:
    """A convolution of these kernels, (C_out, C_in, k, k), and a BatchNorm."""
    out, into, side, _ = kernels.shape
    convolution, norm = nn.Conv2d(into, out, side, bias=False), nn.BatchNorm2d(out, eps=eps)
    convolution.weight.data.copy_(kernels)
    norm.weight.data.copy_(torch.as_tensor(gamma))
    norm.running_var.copy_(torch.as_tensor(variance))
    return NormalizedConvolution(convolution, norm)


def test_each_norm_has_the_convolution_before_it() -> None:
    found = pairs("resnet8")
    assert found["bn1"] == "conv1"
    assert found["layer3.0.bn2"] == "layer3.0.conv2"
    assert len(found) == 7


def test_in_pre_activation_blocks_a_norm_of_sums_has_none_and_shortcuts_confuse_nothing() -> None:
    found = pairs("preactresnet18")
    assert found["layer2.0.bn2"] == "layer2.0.conv1"
    assert "layer2.0.bn1" not in found
    assert not any("shortcut" in convolution for convolution in found.values())


def test_at_a_shortcut_it_is_the_shortcuts() -> None:
    assert pairs("resnet50")["layer1.0.downsample.1"] == "layer1.0.downsample.0"


def test_nothing_stays_behind_on_the_model() -> None:
    model = build("resnet8", classes=4).train()
    normalized_convolutions(model)
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())
    assert model.training


def test_without_convolutions_there_are_none() -> None:
    assert normalized_convolutions(classifier(color_network())) == {}


def test_the_bound_is_as_computed_by_hand() -> None:
    # as matrices of 2 input channels by 1 x 1: (3, 4) of norm 5, and 0
    kernels = torch.tensor([[[[3.0]], [[4.0]]], [[[0.0]], [[0.0]]]])
    bounds = channel_bounds(layer(kernels, gamma=[-2.0, 1.0], variance=[3.0, 1.0], eps=1.0))
    torch.testing.assert_close(bounds, torch.tensor([5.0, 0.0]))  # 5 * |-2| / sqrt(3 + 1)


def test_it_is_the_spectral_norm_and_not_the_length() -> None:
    kernels = torch.zeros(1, 2, 1, 2).repeat(1, 1, 2, 1)
    kernels[0, 0, 0, 0], kernels[0, 1, 0, 1] = 3, 2  # rows (3, 0, 0, 0) and (0, 2, 0, 0)
    assert channel_bounds(layer(kernels, [1.0], [1.0])).item() == pytest.approx(3)


@given(seed=st.integers(0, 1000))
def test_no_patch_is_amplified_more(seed) -> None:
    """A pixel answers with a product of kernel and patch: of a patch of rank 1, at most the spectral norm."""
    draws = torch.Generator().manual_seed(seed)
    one = layer(torch.randn(3, 2, 3, 3, generator=draws), [0.5, -1.0, 2.0], [0.3, 1.0, 4.0])
    across, within = (F.normalize(torch.randn(size, generator=draws), dim=0) for size in (2, 9))
    patch = (across[:, None] * within[None]).reshape(1, 2, 3, 3)
    with torch.no_grad():
        answers = one.norm.eval()(one.convolution(patch) + one.norm.running_mean[:, None, None]).flatten()
    assert (answers.abs() <= channel_bounds(one) + 1e-5).all()
