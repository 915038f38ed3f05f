"""Per-sample gradients against a plain loop, their statistics against values computed by hand."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.analysis import sample_gradients as module
from backdoor_pipeline.analysis.sample_gradients import (
    Moments,
    Samples,
    gradient_moments,
    gradient_report,
    gsnr,
    mixture,
    sample_gradients,
)
from backdoor_pipeline.models import ModelOptions, build_model


def small_model() -> nn.Module:
    return build_model(
        "resnet8", num_classes=4, channels=1, image_size=16, mean=(0.5,), std=(0.2,), seed=0,
        options=ModelOptions(pretrained=None),
    ).eval()  # fmt: skip


def images(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, 16, 16, generator=draws), torch.randint(4, (count,), generator=draws)


def one_by_one(model: nn.Module, pictures: Tensor, labels: Tensor) -> Tensor:
    """The gradients by plain autograd."""
    rows = []
    for picture, label in zip(pictures, labels, strict=True):
        model.zero_grad()
        F.cross_entropy(model(picture[None]), label[None]).backward()
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        rows.append(torch.cat([weight.grad.flatten() for weight in weights]))
    return torch.stack(rows)


def test_they_are_those_of_a_plain_loop() -> None:
    model, (pictures, labels) = small_model(), images(5)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.testing.assert_close(
        sample_gradients(model, pictures, labels), one_by_one(model, pictures, labels), rtol=1e-4, atol=1e-6
    )
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_frozen_weights_are_left_out() -> None:
    model, (pictures, labels) = small_model(), images(3)
    model.backbone.requires_grad_(False)
    found = sample_gradients(model, pictures, labels)
    assert found.shape == (3, 64 * 4 + 4)
    torch.testing.assert_close(found, one_by_one(model, pictures, labels), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_chunks_do_not_matter(monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", chunk)
    model, (pictures, labels) = small_model(), images(7)
    rows = one_by_one(model, pictures, labels)
    moments = gradient_moments(model, pictures, labels)
    torch.testing.assert_close(moments.mean, rows.mean(0), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(moments.variance, rows.var(0, correction=0), rtol=1e-3, atol=1e-8)


def test_memory_bounds_the_chunk(monkeypatch) -> None:
    model, (pictures, labels) = small_model(), images(6)
    size = sum(weight.numel() for weight in model.parameters())
    monkeypatch.setattr(module, "CHUNK_BYTES", 2 * 4 * size + 3)
    seen = []
    whole = module.sample_gradients

    def spy(model: nn.Module, some: Tensor, truth: Tensor) -> Tensor:
        seen.append(len(some))
        return whole(model, some, truth)

    monkeypatch.setattr(module, "sample_gradients", spy)
    gradient_moments(model, pictures, labels)
    assert seen == [2, 2, 2]


def of(rows: list[list[float]]) -> Moments:
    values = torch.tensor(rows)
    return Moments(values.mean(0), values.var(0, correction=0))


def test_gsnr_by_hand() -> None:
    # weight 1: mean 2, variance 1 -> 4; weight 2: mean 0 -> 0; weight 3: mean 1, variance 4 -> 1/4
    moments = of([[1.0, 5.0, 3.0], [3.0, -5.0, -1.0]])
    assert gsnr(moments) == pytest.approx((4 + 0 + 0.25) / 3)


def test_no_gradient_is_no_signal_and_no_variance_is_no_ratio() -> None:
    dead_and_alive = of([[0.0, 1.0], [0.0, 3.0]])
    assert gsnr(dead_and_alive) == pytest.approx(4 / 2), "the dead weight counts as 0"
    constant_and_alive = of([[7.0, 1.0], [7.0, 3.0]])
    assert gsnr(constant_and_alive) == pytest.approx(4), "an infinite ratio is left out"
    third = 1 / 3
    nearly = Moments(torch.tensor([third, 2.0]), torch.tensor([third**2 * 1e-14, 1.0]))
    assert gsnr(nearly) == pytest.approx(4), "less than float32 can tell from none"
    assert math.isnan(gsnr(of([[7.0], [7.0]])))
    assert gsnr(of([[0.0], [0.0]])) == 0


@given(st.floats(1e-6, 1e6))
def test_gsnr_does_not_depend_on_the_scale_of_the_loss(scale: float) -> None:
    moments = of([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]])
    scaled = Moments(moments.mean * scale, moments.variance * scale**2)
    assert gsnr(scaled) == pytest.approx(gsnr(moments), rel=1e-4)


def test_a_mixture_is_the_whole_set() -> None:
    draws = torch.Generator().manual_seed(0)
    clean, poisoned = torch.randn(30, 5, generator=draws), torch.randn(10, 5, generator=draws) + 3
    parts = {
        kind: Moments(rows.mean(0), rows.var(0, correction=0))
        for kind, rows in (("clean", clean), ("poisoned", poisoned))
    }
    whole = torch.cat([clean, poisoned])
    for shares in ({"clean": 0.75, "poisoned": 0.25}, {"clean": 3, "poisoned": 1}):
        mixed = mixture(parts, shares)
        torch.testing.assert_close(mixed.mean, whole.mean(0))
        torch.testing.assert_close(mixed.variance, whole.var(0, correction=0))


class Plane(nn.Module):
    """Logits (w x, 0): the gradient of the loss with label 0 is -(1 - p) x, with label 1 it is p x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, pictures: Tensor) -> Tensor:
        first = pictures.flatten(1) @ self.weight
        return torch.stack([first, torch.zeros_like(first)], 1)


def test_the_report_by_hand() -> None:
    def samples(points: list[list[float]], label: int, share: float) -> Samples:
        labels = torch.full((len(points),), label, dtype=torch.int64)
        return Samples(torch.tensor(points).view(-1, 1, 1, 2), labels, share)

    # p = 1/2: gradients are -x/2 with label 0 and x/2 with label 1
    # clean: (1, 0) and (3, 0), mean (2, 0), variance (1, 0); poisoned: (0, 2) and (0, 4), (0, 3), (0, 1)
    kinds = {
        "clean": samples([[2.0, 0.0], [6.0, 0.0]], 1, 0.75),
        "poisoned": samples([[0.0, -4.0], [0.0, -8.0]], 0, 0.25),
    }
    found = gradient_report(Plane(), kinds)
    # all: mean (1.5, 0.75); variance (.75 1.25 + .25 2.25, .75 .5625 + .25 6.0625) = (1.5, 1.9375)
    assert found["norm_clean"] == pytest.approx(2)
    assert found["norm_poisoned"] == pytest.approx(3)
    assert found["norm_total"] == pytest.approx(math.hypot(1.5, 0.75))
    assert found["gsnr_clean"] == pytest.approx(4 / 2)
    assert found["gsnr_poisoned"] == pytest.approx(9 / 2)
    assert found["gsnr_total"] == pytest.approx((1.5**2 / 1.5 + 0.75**2 / 1.9375) / 2)
    assert found["cosine_clean_poisoned"] == pytest.approx(0)
    assert found["cosine_total_clean"] == pytest.approx(1.5 / math.hypot(1.5, 0.75))
    assert found["cosine_total_poisoned"] == pytest.approx(0.75 / math.hypot(1.5, 0.75))
    assert set(found) == {
        *(f"{name}_{kind}" for name in ("gsnr", "norm") for kind in ("total", "clean", "poisoned")),
        *(f"cosine_{pair}" for pair in ("total_clean", "total_poisoned", "clean_poisoned")),
    }


def test_the_cosine_with_no_gradient_is_undefined() -> None:
    nothing = Samples(torch.zeros(2, 1, 1, 2), torch.zeros(2, dtype=torch.int64), 1.0)
    found = gradient_report(Plane(), {"clean": nothing})
    assert math.isnan(found["cosine_total_clean"])
    assert found["gsnr_clean"] == found["norm_clean"] == 0
