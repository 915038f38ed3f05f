import dataclasses
import logging
from typing import Any

import pytest
import torch
from helpers.surrogates import SURROGATE, tinted

from backdoor_pipeline.attacks import AttackEnv
from backdoor_pipeline.attacks.methods.lf import LowFrequency, SmoothTrigger
from backdoor_pipeline.attacks.networks import Prepared


def attack(**changed: Any) -> LowFrequency:
    settings = {
        "sigma": 6, "amplitude": 0.4, "fooling_rate": 0.5, "images": 24, "passes": 30, "deepfool_steps": 50,
        "overshoot": 0.02, "surrogate": SURROGATE,
    }  # fmt: skip
    return LowFrequency.model_validate({**settings, **changed})


@pytest.fixture(scope="module")
def prepared() -> dict[str, Prepared]:
    return {}


@pytest.fixture
def env(make_env, prepared) -> AttackEnv:
    env = make_env(target=1)
    if not prepared:
        prepared["it"] = attack().prepare(tinted(64, seed=0), tinted(40, seed=1), env)
    return dataclasses.replace(env, prepared=prepared["it"])


def share_below(pattern: torch.Tensor, cycles: float) -> float:
    """Of a pattern's energy, its mean left aside."""
    height, width = pattern.shape[-2:]
    down, across = (torch.fft.fftfreq(size, 1 / size) for size in (height, width))
    power = torch.fft.fft2(pattern.double()).abs().square()
    power[..., 0, 0] = 0
    return float(power[..., torch.hypot(down[:, None], across) < cycles].sum() / power.sum())


def test_the_pattern_is_smooth_spans_its_range_and_leads_to_the_target_class(env) -> None:
    train, test = tinted(64, seed=0), tinted(80, seed=3)
    trigger = attack().craft(train, env)
    assert trigger.pattern.min() == 0
    assert trigger.pattern.max() == pytest.approx(0.4 * 255)
    assert share_below(trigger.pattern, 1.5) > 0.75
    assert share_below(trigger.pattern, 2.5) > 0.9

    victims = test.images[test.labels != 1]
    model, trainer = env.prepared.networks.classifier, env.trainer
    assert (trainer.predict(model, victims) == 1).float().mean() < 0.1
    assert (trainer.predict(model, trigger(victims)) == 1).float().mean() > 0.35


def test_the_same_seed_gives_the_same_pattern_and_another_one_another(env) -> None:
    train = tinted(64, seed=0)
    pattern = attack().craft(train, env).pattern
    assert torch.equal(pattern, attack().craft(train, env).pattern)
    assert not torch.equal(pattern, attack().craft(train, dataclasses.replace(env, seed=1)).pattern)


def test_the_fooling_rate_is_said(env, caplog) -> None:
    with caplog.at_level(logging.INFO):
        trigger = attack(amplitude=0.01, passes=2).craft(tinted(64, seed=0), env)
    assert trigger.pattern.max() == pytest.approx(2.55)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "to the target class" in caplog.text


def test_the_pattern_is_added_rounded_and_cut_off() -> None:
    trigger = SmoothTrigger((1, 1, 3))
    trigger.pattern.copy_(torch.tensor([0.6, -10.0, 20.4]).view(1, 1, 3))
    images = torch.tensor([[7, 4, 250], [0, 100, 100]], dtype=torch.uint8).view(2, 1, 1, 3)
    before = images.clone()
    assert trigger(images).flatten(1).tolist() == [[8, 0, 255], [1, 90, 120]]
    assert torch.equal(images, before)


def test_its_strength_is_its_largest_change() -> None:
    trigger = SmoothTrigger((1, 1, 3))
    trigger.pattern.copy_(torch.tensor([0.0, 25.5, 51.0]).view(1, 1, 3))
    assert trigger.own_strength() == pytest.approx(0.2)
    stronger = trigger.at_strength(0.4)
    assert stronger.pattern.flatten().tolist() == pytest.approx([0, 51, 102])


def test_the_block_has_the_authors_filter_and_range(params) -> None:
    block = params["attacks"]["lf"]
    assert (block["sigma"], block["amplitude"]) == (6, 0.2)


def test_a_trigger_is_rebuilt_from_its_config_and_state() -> None:
    trigger = SmoothTrigger((3, 8, 8))
    trigger.pattern.normal_(0, 20)
    rebuilt = SmoothTrigger(**trigger.config)
    rebuilt.load_state_dict(trigger.state_dict())
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(rebuilt(images), trigger(images))
