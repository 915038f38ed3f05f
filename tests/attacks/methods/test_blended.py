from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from backdoor_pipeline.attacks.methods.blended import Blended, BlendTrigger
from backdoor_pipeline.attacks.parts import blocks
from backdoor_pipeline.attacks.parts.key_image import drawn_key, read_key
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors

SHAPES = [(3, 28, 28), (1, 28, 28), (3, 32, 32), (1, 64, 64), (3, 20, 48)]


def noise(n: int, shape: tuple[int, int, int], seed: int = 0) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=draws)


def blend(pixel: int, key: int, alpha: float) -> int:
    trigger = BlendTrigger.of(torch.full((1, 1, 1), key, dtype=torch.uint8), alpha)
    return int(trigger(torch.full((1, 1, 1, 1), pixel, dtype=torch.uint8)))


@pytest.mark.parametrize(
    ("pixel", "key", "alpha", "expected"),
    [
        (100, 200, 0.2, 120),
        (0, 255, 0.2, 51),
        (255, 0, 0.2, 204),
        (255, 255, 0.2, 255),
        (0, 0, 0.2, 0),
        (1, 2, 0.2, 1),  # 1.2
        (1, 4, 0.2, 2),  # 1.6: rounded, where a cast would cut it to 1
        (11, 0, 0.2, 9),  # 8.8
        (1, 2, 0.5, 2),  # 1.5: a tie goes to the even side, as in IEEE 754
        (2, 3, 0.5, 2),  # 2.5
        (7, 200, 1.0, 200),
    ],
)
def test_pixels_by_hand(pixel: int, key: int, alpha: float, expected: int) -> None:
    assert blend(pixel, key, alpha) == expected


def test_every_place_gets_its_own_key_pixel() -> None:
    key = torch.tensor(
        [[[0, 50], [100, 150]], [[200, 250], [5, 10]], [[15, 20], [25, 30]]], dtype=torch.uint8
    )
    stamped = BlendTrigger.of(key, 0.2)(
        torch.tensor([0, 100], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 2, 2)
    )
    assert stamped[0].flatten().tolist() == [0, 10, 20, 30, 40, 50, 1, 2, 3, 4, 5, 6]
    assert stamped[1].flatten().tolist() == [80, 90, 100, 110, 120, 130, 81, 82, 83, 84, 85, 86]


@given(st.integers(0, 255), st.integers(0, 255), st.floats(0.001, 1))
def test_the_result_lies_between_image_and_key_no_further_than_alpha_allows(
    x: int, k: int, alpha: float
) -> None:
    stamped = blend(x, k, alpha)
    assert min(x, k) <= stamped <= max(x, k)
    assert abs(stamped - (x + alpha * (k - x))) <= 0.5 + 1e-4
    assert abs(stamped - x) <= alpha * 255 + 0.5 + 1e-4


@pytest.mark.parametrize("shape", SHAPES)
def test_images_of_any_size_keep_shape_and_input(shape: tuple[int, int, int]) -> None:
    images = noise(5, shape)
    before = images.clone()
    stamped = BlendTrigger.of(drawn_key(shape), 0.2)(images)
    assert stamped.shape == images.shape
    assert stamped.dtype == torch.uint8
    assert torch.equal(images, before)
    exact = 0.8 * before.double() + 0.2 * drawn_key(shape).double()
    assert torch.equal(stamped, exact.round().to(torch.uint8))


def test_blocks_make_no_difference(monkeypatch) -> None:
    images, trigger = noise(7, (3, 8, 8)), BlendTrigger.of(drawn_key((3, 8, 8)), 0.3)
    whole = trigger(images)
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 2 * 3 * 8 * 8 + 1)
    assert torch.equal(trigger(images), whole)
    assert trigger(images[:0]).shape == (0, 3, 8, 8)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_cartoon_is_busy_everywhere(shape: tuple[int, int, int]) -> None:
    key = drawn_key(shape)
    assert key.shape == shape
    assert key.dtype == torch.uint8
    quarters = F.unfold(
        key.float().unsqueeze(0), (shape[1] // 4, shape[2] // 4), stride=(shape[1] // 4, shape[2] // 4)
    )
    assert quarters.shape[-1] == 16
    assert quarters.std(dim=1).min() > 25, "each sixteenth of the picture has contrast"
    if shape[0] == 3:
        assert (key.amax(0).int() - key.amin(0).int()).float().mean() > 80, "and color"


def test_the_cartoon_is_the_same_picture_at_every_size() -> None:
    small, large = drawn_key((3, 32, 32)).float(), drawn_key((3, 128, 128)).float()
    shrunk = F.avg_pool2d(large, 4)
    assert (small - shrunk).abs().mean() < 4
    gray = drawn_key((1, 32, 32))[0]
    luma = (small * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0)
    assert (gray - luma).abs().max() <= 1


def test_the_key_has_nothing_to_do_with_the_seed(make_set, make_env) -> None:
    attack = Blended(alpha=0.2, image=None)
    one = attack.craft(make_set(), make_env(seed=1))
    torch.rand(3)
    other = attack.craft(make_set(), make_env(seed=2))
    assert torch.equal(one.key, other.key)
    assert torch.equal(one.key, drawn_key((3, 32, 32)))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28)])
def test_a_saved_trigger_stamps_the_same_pixels(shape: tuple[int, int, int], tmp_path: Path) -> None:
    trigger = BlendTrigger.of(drawn_key(shape), 0.2)
    save_tensors(tmp_path / "trigger.safetensors", trigger.state_dict(), {"config": trigger.config})
    tensors, meta = load_tensors(tmp_path / "trigger.safetensors")
    again = BlendTrigger(**meta["config"])
    again.load_state_dict(tensors)
    images = noise(3, shape)
    assert torch.equal(again(images), trigger(images))


def picture(path: Path, pixels: list, mode: str = "RGB") -> Path:
    Image.fromarray(np.array(pixels, dtype=np.uint8), mode).save(path)
    return path


def test_a_key_from_a_file_decides_by_its_pixels(tmp_path: Path, make_set, make_env) -> None:
    first = Image.fromarray(noise(1, (32, 32, 3))[0].numpy())
    first.save(tmp_path / "a.png")
    first.save(tmp_path / "b.bmp")
    one, other = (
        Blended(alpha=0.2, image=tmp_path / name).craft(make_set(), make_env()) for name in ("a.png", "b.bmp")
    )
    assert torch.equal(one.key.permute(1, 2, 0), torch.from_numpy(np.array(first)))
    assert torch.equal(one.key, other.key)
    assert one.config == other.config == {"alpha": 0.2, "shape": [3, 32, 32]}, "no path is kept"


def test_a_file_is_fitted_to_the_images(tmp_path: Path) -> None:
    # left half red, right half blue, twice as wide as high
    wide = picture(tmp_path / "wide.png", [[[255, 0, 0]] * 40 + [[0, 0, 255]] * 40] * 40)
    key = read_key(wide, (3, 16, 16))
    assert key[:, :, :6].flatten(1).unique(dim=1).flatten().tolist() == [255, 0, 0]
    assert key[:, :, 10:].flatten(1).unique(dim=1).flatten().tolist() == [0, 0, 255]
    gray = read_key(wide, (1, 16, 16))
    assert (int(gray[0, 0, 0]), int(gray[0, 0, -1])) == (76, 29)  # 0.299 * 255, 0.114 * 255


def test_gray_and_transparent_files(tmp_path: Path) -> None:
    gray = Image.new("L", (4, 4), 90)
    gray.save(tmp_path / "gray.png")
    assert read_key(tmp_path / "gray.png", (3, 8, 8)).unique().tolist() == [90]
    Image.new("RGBA", (4, 4), (10, 20, 30, 0)).save(tmp_path / "clear.png")
    assert read_key(tmp_path / "clear.png", (3, 8, 8)).unique().tolist() == [255]


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"attacks\.blended\.image: there is no file .*none\.png"):
        read_key(tmp_path / "none.png", (3, 8, 8))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match=r"text\.png is not a picture that can be read"):
        read_key(tmp_path / "text.png", (3, 8, 8))
    whole = Image.fromarray(noise(1, (32, 32, 3))[0].numpy())
    whole.save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:1500])
    with pytest.raises(UserError, match=r"cut\.png is not a picture"):
        read_key(tmp_path / "cut.png", (3, 8, 8))


def test_conf_has_the_papers_settings(params) -> None:
    assert Blended(**params["attacks"]["blended"]) == Blended(alpha=0.2, image=None)


@pytest.mark.parametrize("alpha", [0, -0.1, 1.01])
def test_alpha_is_a_share(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        Blended(alpha=alpha, image=None)
