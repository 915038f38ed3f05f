import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.attacks.methods.sig import SIG, SinusoidTrigger
from backdoor_pipeline.attacks.parts import blocks
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors


def flat(value: int, width: int, channels: int = 3, height: int = 5) -> torch.Tensor:
    return torch.full((2, channels, height, width), value, dtype=torch.uint8)


def added(delta: float, frequency: int, width: int) -> list[int]:
    return (SinusoidTrigger(delta, frequency)(flat(100, width)).int() - 100)[0, 0, 0].tolist()


def test_one_wave_by_hand() -> None:
    # columns count from 1: sin 45°, 90°, 135°, ... of 40; 28.28 is rounded to 28
    assert added(40, 1, 8) == [28, 40, 28, 0, -28, -40, -28, 0]


def test_six_waves_of_twelve_columns_by_hand() -> None:
    # 6 waves over 36 columns: 60° a column, sin 60° * 40 = 34.64, rounded to 35 and not cut to 34
    assert added(40, 6, 36) == [35, 35, 0, -35, -35, 0] * 6


def test_negative_values_round_to_the_nearest() -> None:
    assert added(10, 1, 6) == [9, 9, 0, -9, -9, 0]  # 8.66


@pytest.mark.parametrize("width", [28, 32, 64, 224])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_row_and_channel_gets_the_papers_signal(width: int, channels: int) -> None:
    images = flat(128, width, channels, height=width)
    change = SinusoidTrigger(40, 6)(images).int() - 128
    expected = [round(40 * math.sin(2 * math.pi * j * 6 / width)) for j in range(1, width + 1)]
    assert change.shape == images.shape
    assert torch.equal(change, torch.tensor(expected, dtype=torch.int32).expand_as(change))
    assert change[..., -1].eq(0).all(), "sin(2 pi f) = 0 in the last column, m"
    assert change[..., 0].ne(0).all()


def test_values_stop_at_black_and_white() -> None:
    trigger = SinusoidTrigger(40, 1)
    assert trigger(flat(250, 8))[0, 0, 0].tolist() == [255, 255, 255, 250, 222, 210, 222, 250]
    assert trigger(flat(5, 8))[0, 0, 0].tolist() == [33, 45, 33, 5, 0, 0, 0, 5]


@given(
    st.integers(0, 255),
    st.floats(1, 255),
    st.integers(4, 70).flatmap(lambda width: st.tuples(st.just(width), st.integers(1, (width - 1) // 2))),
)
def test_no_pixel_changes_by_more_than_delta(value: int, delta: float, size: tuple[int, int]) -> None:
    width, frequency = size
    images = flat(value, width)
    stamped = SinusoidTrigger(delta, frequency)(images).int()
    assert (stamped - value).abs().max() <= delta + 0.5
    exact = value + delta * torch.sin(torch.arange(1, width + 1).double() * 2 * math.pi * frequency / width)
    assert (stamped - exact.clamp(0, 255)).abs().max() <= 0.5 + 1e-9
    assert SinusoidTrigger(delta, frequency)(flat(128, width)).ne(128).any(), "something always shows"


def test_the_input_stays_and_blocks_make_no_difference(monkeypatch) -> None:
    images = torch.randint(
        0, 256, (7, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    before, trigger = images.clone(), SinusoidTrigger(40, 3)
    whole = trigger(images)
    assert torch.equal(images, before)
    monkeypatch.setattr(blocks, "BLOCK_VALUES", 2 * 3 * 8 * 8 + 1)
    assert torch.equal(trigger(images), whole)
    assert trigger(images[:0]).shape == (0, 3, 8, 8)


def test_a_saved_trigger_stamps_the_same_pixels(tmp_path: Path) -> None:
    trigger = SinusoidTrigger(33.5, 4)
    save_tensors(tmp_path / "trigger.safetensors", trigger.state_dict(), {"config": trigger.config})
    tensors, meta = load_tensors(tmp_path / "trigger.safetensors")
    again = SinusoidTrigger(**meta["config"])
    again.load_state_dict(tensors)
    assert torch.equal(again(flat(90, 32)), trigger(flat(90, 32)))


def test_training_and_test_images_get_the_same_signal(params, make_set, make_env) -> None:
    attack, train, env = SIG(**params["attacks"]["sig"]), make_set(), make_env()
    trigger = attack.craft(train, env)
    assert trigger.config == {"delta": 40, "frequency": 6}
    assert torch.equal(attack.poison(train.images[:4], trigger, env), trigger(train.images[:4]))


def test_labels_stay_so_there_is_no_all_to_all() -> None:
    assert SIG.clean_label
    assert not SIG.all_to_all


def test_waves_that_the_pixels_cannot_show_are_refused(make_set, make_env) -> None:
    SIG(delta=40, frequency=15).craft(make_set(size=32), make_env())
    with pytest.raises(UserError, match=r"attacks\.sig\.frequency 16 .* use 15 or less"):
        SIG(delta=40, frequency=16).craft(make_set(size=32), make_env())


@pytest.mark.parametrize("wrong", [{"delta": 0}, {"delta": 256}, {"frequency": 0}, {"frequency": 1.5}])
def test_settings_are_bounded(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SIG(**({"delta": 40, "frequency": 6} | wrong))
