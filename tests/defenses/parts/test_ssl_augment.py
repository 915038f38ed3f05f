import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backdoor_pipeline.defenses.parts.ssl_augment import (
    ViewAugmentation,
    blend,
    brighten,
    luma,
    resized_crop,
    rotate_hue,
)

STRONG = ViewAugmentation(
    min_area=0.2, max_stretch=4 / 3, jitter_share=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
    gray_share=0.2,
)  # fmt: skip
NONE = ViewAugmentation(
    min_area=1, max_stretch=1, jitter_share=1, brightness=0, contrast=0, saturation=0, hue=0, gray_share=0
)


@given(
    rows=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
)
def test_views_keep_shape_and_range_and_do_not_touch_the_images(rows, channels, height, width) -> None:
    images = torch.rand(rows, channels, height, width)
    before = images.clone()
    view = STRONG.view(images, mirror=True)
    assert view.shape == images.shape
    assert view.dtype == torch.float32
    assert view.min() >= 0
    assert view.max() <= 1
    assert torch.equal(images, before)


def test_without_strength_a_view_is_the_image() -> None:
    images = torch.rand(6, 3, 28, 28)
    assert torch.allclose(NONE.view(images, mirror=False), images, atol=1e-5)
    gray = torch.rand(6, 1, 28, 28)
    assert torch.allclose(NONE.view(gray, mirror=False), gray, atol=1e-5)


def test_every_image_gets_draws_of_its_own_and_a_seed_repeats_them() -> None:
    same = torch.rand(1, 3, 32, 32).expand(16, 3, 32, 32)

    def views(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return STRONG.view(same, mirror=True)

    assert torch.equal(views(3), views(3))
    assert not torch.equal(views(3), views(4))
    assert len(views(3).flatten(1).unique(dim=0)) == 16


def test_autocast_costs_no_shades() -> None:
    images = torch.rand(4, 3, 16, 16)
    torch.manual_seed(0)
    plain = STRONG.view(images, mirror=True)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(STRONG.view(images, mirror=True), plain)


def test_images_are_mirrored_half_the_time_and_only_where_they_may_be() -> None:
    images = torch.rand(1, 3, 8, 8).expand(400, 3, 8, 8)
    torch.manual_seed(0)
    views = NONE.view(images, mirror=True)
    flipped = ((views - images.flip(3)).abs().amax((1, 2, 3)) < 1e-5).sum()
    kept = ((views - images).abs().amax((1, 2, 3)) < 1e-5).sum()
    assert flipped + kept == 400
    assert 160 <= flipped <= 240
    assert torch.allclose(NONE.view(images, mirror=False), images, atol=1e-5)


def test_a_crop_shows_its_corner() -> None:
    images = torch.rand(2, 1, 8, 8)
    half, no = torch.full((2,), 0.5), torch.zeros(2, dtype=torch.bool)
    corners = torch.tensor([[-1.0, 1.0], [-1.0, 1.0]])  # first: left, top; second: right, bottom
    crops = resized_crop(images, half, half, corners, no)
    first = torch.nn.functional.interpolate(images[:1, :, :4, :4], 8, mode="bilinear", align_corners=False)
    # inside the crop's rim, beyond which the crop sees its neighbors
    assert torch.allclose(crops[:1, :, 1:7, 1:7], first[:, :, 1:7, 1:7], atol=1e-5)
    second = torch.nn.functional.interpolate(images[1:, :, 4:, 4:], 8, mode="bilinear", align_corners=False)
    assert torch.allclose(crops[1:, :, 1:7, 1:7], second[:, :, 1:7, 1:7], atol=1e-5)


def test_crops_keep_the_areas_asked_for() -> None:
    ramp = torch.linspace(0, 1, 64).view(1, 1, 1, 64).expand(2000, 1, 64, 64)
    torch.manual_seed(0)
    views = NONE.model_copy(update={"min_area": 0.25}).view(ramp, mirror=False)
    width = (views[:, 0, 0, -1] - views[:, 0, 0, 0]) * 64 / 63
    area = width**2
    assert area.min() > 0.24
    assert area.mean() == pytest.approx(0.625, abs=0.02)  # uniform between 0.25 and 1


def test_brightness_and_blend_by_hand() -> None:
    images = torch.tensor([0.2, 0.8]).view(1, 1, 1, 2)
    assert brighten(images, torch.tensor([1.5])).flatten().tolist() == pytest.approx([0.3, 1.0])
    middle = torch.tensor(0.5).view(1, 1, 1, 1)
    assert blend(images, middle, torch.tensor([0.5])).flatten().tolist() == pytest.approx([0.35, 0.65])
    assert blend(images, middle, torch.tensor([2.0])).flatten().tolist() == pytest.approx([0.0, 1.0])


def test_hue_turns_red_into_green_and_leaves_grays_and_sums() -> None:
    red, gray = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.3, 0.3, 0.3])
    images = torch.stack([red, gray]).view(2, 3, 1, 1)
    third = torch.full((2,), 2 * torch.pi / 3)
    turned = rotate_hue(images, third).flatten(1)
    assert torch.allclose(turned, torch.tensor([[0.0, 1.0, 0.0], [0.3, 0.3, 0.3]]), atol=1e-6)
    mild = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)
    assert rotate_hue(mild, torch.tensor([0.3])).sum().item() == pytest.approx(1.2)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_each_strength_bounds_a_factor_of_its_own(name: str) -> None:
    images = 0.4 + 0.2 * torch.rand(1, 3, 4, 4).expand(1000, 3, 4, 4)  # so that nothing is cut off
    gray = luma(images)
    fixed = {"brightness": 0 * gray, "contrast": gray.mean((1, 2, 3), keepdim=True), "saturation": gray}[name]
    torch.manual_seed(0)
    views = NONE.model_copy(update={name: 0.3}).view(images, mirror=False)
    apart = images - fixed
    factor = ((views - fixed) * apart).sum((1, 2, 3)) / apart.square().sum((1, 2, 3))
    assert torch.allclose(views, fixed + factor.view(-1, 1, 1, 1) * apart, atol=1e-5)
    assert 0.699 < factor.min() < 0.71
    assert 1.29 < factor.max() < 1.301
    assert factor.mean().item() == pytest.approx(1, abs=0.02)


def test_the_hue_turns_by_a_share_of_the_circle() -> None:
    images = torch.tensor([0.5, 0.4, 0.4]).view(1, 3, 1, 1).expand(1000, 3, 1, 1)
    torch.manual_seed(0)
    views = NONE.model_copy(update={"hue": 0.1}).view(images, mirror=False).flatten(1)
    thirds = torch.polar(torch.ones(3), 2 * torch.pi / 3 * torch.arange(3))  # red, green, blue
    angle = (views.to(thirds.dtype) @ thirds).angle() / (2 * torch.pi)
    assert -0.1001 < angle.min() < -0.098
    assert 0.098 < angle.max() < 0.1001


def test_the_share_of_images_that_are_jittered() -> None:
    images = torch.full((1000, 3, 4, 4), 0.5)
    torch.manual_seed(0)
    views = NONE.model_copy(update={"jitter_share": 0.3, "brightness": 0.4}).view(images, mirror=False)
    assert 250 <= ((views - images).abs() > 1e-5).flatten(1).any(1).sum() <= 350


def test_crops_are_stretched_either_way_alike() -> None:
    ramp = torch.linspace(0, 1, 64).expand(64, 64)
    images = torch.stack([ramp, ramp.T, 0 * ramp]).expand(2000, 3, 64, 64)
    torch.manual_seed(0)
    views = NONE.model_copy(update={"min_area": 0.25, "max_stretch": 2}).view(images, mirror=False)
    width, height = views[:, 0, 0, -1] - views[:, 0, 0, 0], views[:, 1, -1, 0] - views[:, 1, 0, 0]
    stretch = (width / height).log2()
    assert -1.01 < stretch.min() < -0.9
    assert 0.9 < stretch.max() < 1.01
    assert stretch.mean().abs() < 0.03


def test_the_share_of_gray_images() -> None:
    images = torch.rand(1, 3, 4, 4).expand(1000, 3, 4, 4)
    torch.manual_seed(0)
    views = NONE.model_copy(update={"gray_share": 0.2}).view(images, mirror=False)
    gray = (views.amax(1) - views.amin(1)).amax((1, 2)) < 1e-6
    assert 160 <= gray.sum() <= 240
    assert torch.allclose(views[gray], luma(images)[gray].expand(-1, 3, -1, -1), atol=1e-5)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        ViewAugmentation.model_validate({**STRONG.model_dump(), "min_area": 0})
