import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from backdoor_pipeline.attacks.parts import warp as warping
from backdoor_pipeline.attacks.parts.rotation import rotated


def noise(*shape: int) -> Tensor:
    return torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
@pytest.mark.parametrize("size", [8, 9])
def test_quarter_turns_move_whole_pixels(quarters: int, size: int) -> None:
    images = noise(3, 3, size, size)
    turned = rotated(images, torch.full((3,), 90.0 * quarters))
    # the outermost line may be read from a hair outside, where it is black: less than one level
    torch.testing.assert_close(turned.int(), images.rot90(quarters, (2, 3)).int(), atol=1, rtol=0)
    assert turned.dtype == torch.uint8


@given(st.integers(1, 40), st.integers(1, 40))
def test_no_angle_is_no_rotation(height: int, width: int) -> None:
    images = noise(2, 1, height, width)
    assert torch.equal(rotated(images, torch.zeros(2)), images)


def test_45_degrees_by_hand() -> None:
    image = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)
    image[0, 0, 1, 2] = 200  # to the right of the center
    # the corner above it is read at sqrt 2 to the right: 0.4142 pixels outside; the edges at +-0.7071, as far
    # from this pixel across as down: (1 - 0.2929) * (1 - 0.7071) of it
    expected = torch.tensor([[0, 41, 117], [0, 0, 41], [0, 0, 0]])
    assert torch.equal(rotated(image, torch.tensor([45.0]))[0, 0].int(), expected.int())


def test_angles_are_each_images_own_in_parts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    images, angles = noise(5, 3, 12, 12), torch.tensor([0.0, 10.0, -10.0, 3.0, 0.0])
    whole = rotated(images, angles)
    for row, angle in enumerate(angles):
        assert torch.equal(whole[row : row + 1], rotated(images[row : row + 1], angle[None]))
    assert torch.equal(whole[[0, 4]], images[[0, 4]])
    monkeypatch.setattr(warping, "CHUNK_PIXELS", 2 * 12 * 12)
    assert torch.equal(rotated(images, angles), whole)


def test_corners_come_in_black_and_the_given_images_stay() -> None:
    images = torch.full((1, 1, 32, 32), 255, dtype=torch.uint8)
    turned = rotated(images, torch.tensor([10.0]))[0, 0]
    assert (turned[0, 0], turned[16, 16], turned[-1, -1]) == (0, 255, 0)
    assert (images == 255).all()
