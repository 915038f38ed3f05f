import pytest
import torch

from backdoor_pipeline.attacks.parts.generators import (
    MaskGenerator,
    PatternGenerator,
    blend,
    diversity,
)


def generator(
    channels: int = 3, width: int = 4, depth: int = 3, kind: type[PatternGenerator] = PatternGenerator
) -> PatternGenerator:
    torch.manual_seed(0)
    outputs = 1 if kind is MaskGenerator else channels
    return kind(channels, outputs, width, depth, [0.5] * channels, [0.25] * channels)


@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (224, 224), (30, 45), (5, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_the_size_of_the_images_and_values_between_0_and_1(
    size: tuple[int, int], channels: int
) -> None:
    images = torch.rand(2, channels, *size)
    with torch.no_grad():
        patterns, masks = generator(channels)(images), generator(channels, kind=MaskGenerator)(images)
    assert patterns.shape == images.shape
    assert masks.shape == (2, 1, *size)
    for maps in (patterns, masks):
        assert maps.dtype == torch.float32
        assert 0 <= float(maps.min()) < float(maps.max()) <= 1


def test_layers_are_those_of_the_paper() -> None:
    """32-64-128 down, 128 in the middle, back to the image's channels; two convolutions at each size."""
    kernels = [weight for weight in generator(3, 32, 3).parameters() if weight.ndim == 4]
    down = [(32, 3), (32, 32), (64, 32), (64, 64), (128, 64), (128, 128)]
    up = [(128, 128), (64, 128), (64, 64), (32, 64), (32, 32), (3, 32)]
    assert [kernel.shape[:2] for kernel in kernels] == [*down, (128, 128), *up]


def test_a_pattern_can_be_dark_and_light() -> None:
    """Without a ReLU at the end; behind one, no value would be below 0.5."""
    patterns = generator()(torch.rand(4, 3, 16, 16))
    assert float((patterns < 0.5).float().mean()) == pytest.approx(0.5, abs=0.15)


def test_images_are_normalized_before_anything_else() -> None:
    one, other = generator(), generator()
    other.mean, other.std = torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)
    images = torch.rand(4, 3, 16, 16)
    assert torch.allclose(one(images), other((images - 0.5) / 0.25), atol=1e-5)


def test_masks_are_patterns_sharpened() -> None:
    images = torch.rand(4, 3, 16, 16)
    masks = generator(kind=MaskGenerator)(images)
    soft = PatternGenerator.forward(generator(kind=MaskGenerator), images)
    assert torch.allclose(masks, torch.tanh(20 * soft - 10) / 2 + 0.5, atol=1e-5)


def test_blend_by_hand() -> None:
    images = torch.tensor([0.2, 0.2, 0.2, 0.6]).view(1, 1, 2, 2)
    patterns = torch.tensor([1.0, 1.0, 1.0, 0.2]).view(1, 1, 2, 2)
    masks = torch.tensor([0.0, 1.0, 0.5, 0.25]).view(1, 1, 2, 2)
    assert torch.allclose(blend(images, patterns, masks).flatten(), torch.tensor([0.2, 1.0, 0.6, 0.5]))


def test_one_mask_serves_all_channels() -> None:
    blended = blend(
        torch.zeros(1, 3, 1, 2), torch.ones(1, 3, 1, 2), torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    )
    assert blended[0, :, 0].tolist() == [[0, 1]] * 3


def test_diversity_by_hand() -> None:
    images = torch.stack([torch.zeros(3, 2, 2), torch.ones(3, 2, 2)])
    masks = torch.zeros(2, 1, 2, 2)
    masks[0, 0, 0, 0] = 1  # they differ in a quarter of the places: sqrt(1 / 4); the images everywhere: 1
    assert float(diversity(images, masks)) == pytest.approx(1 / (0.5 + 0.001))
    patterns = images * 0.25
    assert float(diversity(images, patterns)) == pytest.approx(1 / (0.25 + 0.001))


def test_diversity_is_a_mean_over_pairs_of_neighbors() -> None:
    images = torch.tensor([0.0, 0.3, 0.9]).view(3, 1, 1, 1)
    outputs = torch.tensor([0.0, 0.1, 0.4]).view(3, 1, 1, 1)
    assert float(diversity(images, outputs)) == pytest.approx((0.9 / 0.401 + 0.3 / 0.101 + 0.6 / 0.301) / 3)


def test_equal_outputs_cost_much_but_stay_finite() -> None:
    outputs = torch.full((4, 3, 8, 8), 0.5, requires_grad=True)
    loss = diversity(torch.rand(4, 3, 8, 8), outputs)
    loss.backward()
    assert 300 < loss.item() < 500  # images of noise are 0.41 apart, in 1e-3
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
