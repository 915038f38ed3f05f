import dataclasses
import logging
from typing import Any

import pytest
import torch
from helpers.surrogates import SURROGATE, tinted

from backdoor_pipeline.attacks import AttackEnv
from backdoor_pipeline.attacks.methods.lf import LowFrequency, SmoothTrigger
from backdoor_pipeline.attacks.networks import Prepared
from backdoor_pipeline.attacks.parts.low_pass import low_pass


def attack(**changed: Any) -> LowFrequency:
    settings = {
        "sigma": 2, "amplitude": 0.4, "fooling_rate": 0.5, "images": 24, "passes": 30, "deepfool_steps": 50,
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


def test_the_pattern_is_smooth_bounded_and_leads_to_the_target_class(env) -> None:
    train, test = tinted(64, seed=0), tinted(80, seed=3)
    trigger = attack().craft(train, env)
    assert 5 < trigger.pattern.abs().max() <= 0.4 * 255 + 1e-3

    power = torch.fft.fft2(trigger.pattern.double()).abs().square()
    frequency = torch.fft.fftfreq(16, 1 / 16)
    high = (frequency[:, None] ** 2 + frequency**2).sqrt() > 3 * 2
    assert power[:, high].sum() < 1e-3 * power.sum()

    victims = test.images[test.labels != 1]
    model, trainer = env.prepared.networks.classifier, env.trainer
    assert (trainer.predict(model, victims) == 1).float().mean() < 0.1
    assert (trainer.predict(model, trigger(victims)) == 1).float().mean() > 0.35


def test_the_same_seed_gives_the_same_pattern_and_another_one_another(env) -> None:
    train = tinted(64, seed=0)
    pattern = attack().craft(train, env).pattern
    assert torch.equal(pattern, attack().craft(train, env).pattern)
    assert not torch.equal(pattern, attack().craft(train, dataclasses.replace(env, seed=1)).pattern)


def test_the_amplitude_is_kept_and_the_fooling_rate_is_said(env, caplog) -> None:
    with caplog.at_level(logging.INFO):
        trigger = attack(amplitude=0.01, passes=5).craft(tinted(64, seed=0), env)
    assert trigger.pattern.abs().max() == pytest.approx(2.55, rel=1e-3)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "to the target class" in caplog.text


def test_a_peak_is_shaved_off_and_does_not_weaken_the_rest() -> None:
    row = torch.arange(16) / 16
    wave = torch.cos(2 * torch.pi * row).expand(3, 16, 16).clone()  # amplitude 1 before the filter
    wave[:, 3, 0] += 8.0
    method = attack(amplitude=0.5)
    kept = low_pass(method._within(wave), method.sigma)
    scaled = low_pass(wave, method.sigma) * 0.5 / low_pass(wave, method.sigma).abs().max()
    assert kept.abs().max() <= 0.5 + 1e-6
    assert kept.norm() > 1.15 * scaled.norm()
    small = 0.1 * wave / wave.abs().max()
    assert torch.equal(method._within(small), small), "what keeps the amplitude stays as it is"


def test_enough_fooled_images_end_the_search(env) -> None:
    early, late = (attack(fooling_rate=rate).craft(tinted(64, seed=0), env) for rate in (0.1, 0.9))
    assert 0 < early.pattern.norm() < late.pattern.norm()


def test_the_pattern_is_added_rounded_and_cut_off() -> None:
    trigger = SmoothTrigger((1, 1, 3))
    trigger.pattern.copy_(torch.tensor([0.6, -10.0, 20.4]).view(1, 1, 3))
    images = torch.tensor([[7, 4, 250], [0, 100, 100]], dtype=torch.uint8).view(2, 1, 1, 3)
    before = images.clone()
    assert trigger(images).flatten(1).tolist() == [[8, 0, 255], [1, 90, 120]]
    assert torch.equal(images, before)


def test_a_trigger_is_rebuilt_from_its_config_and_state() -> None:
    trigger = SmoothTrigger((3, 8, 8))
    trigger.pattern.normal_(0, 20)
    rebuilt = SmoothTrigger(**trigger.config)
    rebuilt.load_state_dict(trigger.state_dict())
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(rebuilt(images), trigger(images))
