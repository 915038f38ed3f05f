import pytest
import torch
from torch import Tensor

from backdoor_pipeline.attacks.parts.own_augmentation import OwnAugmentation

SIZE, ROWS = 32, 400


def own(**changes: float) -> OwnAugmentation:
    return OwnAugmentation.model_validate(
        {"crop": 5, "crop_share": 0.8, "rotation": 10, "rotation_share": 0.5, **changes}
    )


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(rows: int = ROWS) -> Tensor:
    return torch.randint(256, (rows, 1, SIZE, SIZE), dtype=torch.uint8, generator=draws(9))


def test_shares_of_zero_leave_every_image() -> None:
    images, idle = noise(), own(crop_share=0, rotation_share=0)
    assert torch.equal(idle(images, False, draws()), images)
    assert idle.idle
    assert own(crop=0, rotation=0).idle
    assert not own(crop=0).idle
    assert not own(rotation=0).idle


def test_mirrored_images_are_whole_mirror_images_half_the_time() -> None:
    images = noise()
    out = own(crop_share=0, rotation_share=0)(images, True, draws())
    same, mirrored = ((out == want).flatten(1).all(1) for want in (images, images.flip(3)))
    assert (same ^ mirrored).all()
    assert 0.4 < mirrored.float().mean() < 0.6


def test_crops_shift_by_up_to_their_padding_and_bring_black_in() -> None:
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    places = torch.stack([rows, columns]).to(torch.uint8) + 100  # each pixel says where it was
    images = places.expand(ROWS, 2, SIZE, SIZE).contiguous()
    out = own(rotation_share=0)(images, False, draws())
    shifts = out[:, :, 16, 16].int() - 116
    for image, (down, right) in zip(out, shifts, strict=True):
        expected = torch.zeros(2, SIZE + 20, SIZE + 20, dtype=torch.uint8)
        expected[:, 10:-10, 10:-10] = places
        assert torch.equal(image, expected[:, 10 + down : 42 + down, 10 + right : 42 + right])
    assert (shifts.min(), shifts.max()) == (-5, 5)
    assert set(shifts[:, 0].tolist()) == set(range(-5, 6))
    # all but 1 of 121 draws of the 80 % move the image
    assert (shifts != 0).any(1).float().mean() == pytest.approx(0.8 * 120 / 121, abs=0.06)


def test_a_share_is_rotated_each_image_by_its_own_angle_of_at_most_ten_degrees() -> None:
    # a spot 14 pixels from the center, on black
    images = torch.zeros(ROWS, 1, SIZE, SIZE, dtype=torch.uint8)
    images[:, :, 15:17, 28:31] = 255
    out = own(crop_share=0)(images, False, draws())
    weight = out[:, 0].float() / out[:, 0].float().sum((1, 2), keepdim=True)
    center = torch.arange(SIZE) - 15.5
    x, y = (weight.sum(1) * center).sum(1), (weight.sum(2) * center).sum(1)
    angles = torch.atan2(-y, x).rad2deg()
    turned = (out != images).flatten(1).any(1)
    assert turned.float().mean() == pytest.approx(0.5, abs=0.07)
    assert angles[~turned].abs().max() < 1e-3
    assert 9 < angles.abs().max() < 10.1
    assert angles[turned].mean().abs() < 1
    assert angles[turned].std() == pytest.approx(10 / 3**0.5, rel=0.1), "uniform"


def test_the_draws_decide() -> None:
    first, again, other = (own()(noise(6), True, draws(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "change", [{"crop": -1}, {"crop_share": 1.1}, {"rotation": 181}, {"rotation_share": -0.1}]
)
def test_settings_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        own(**change)
