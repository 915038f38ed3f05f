import dataclasses
from typing import Any

import pytest
import torch
from helpers.surrogates import SURROGATE, tinted

from backdoor_pipeline.attacks.methods.lc import CornersTrigger, LabelConsistent
from backdoor_pipeline.attacks.poisoning import poison

EXPECTED_RIGHT = torch.tensor([[-1, -1, 1], [-1, 1, -1], [1, -1, 1]])


def attack(**changed: Any) -> LabelConsistent:
    settings = {"epsilon": 24, "step": 6, "steps": 8, "amplitude": 1, "patch_size": 3, "surrogate": SURROGATE}
    return LabelConsistent.model_validate({**settings, **changed})


def test_at_amplitude_1_four_corners_turn_black_and_white() -> None:
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    before = images.clone()
    stamped = CornersTrigger(3, 1.0)(images)
    assert torch.equal(images, before), "the clean images must stay as they are"
    right = (EXPECTED_RIGHT > 0).byte() * 255
    for rows in (slice(0, 3), slice(29, 32)):
        assert (stamped[:, :, rows, 29:] == right).all()
        assert (stamped[:, :, rows, :3] == right.flip(1)).all()
    changed = (stamped != before).any(dim=(0, 1))
    assert not changed[3:29].any()
    assert not changed[:, 3:29].any()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_mirrored_image_carries_the_same_trigger(channels: int) -> None:
    images = torch.randint(0, 256, (3, channels, 28, 28), dtype=torch.uint8)
    trigger = CornersTrigger(3, 0.25)
    assert torch.equal(trigger(images.flip(3)), trigger(images).flip(3))


def test_a_smaller_amplitude_is_added_and_cut_off() -> None:
    images = torch.tensor([0, 100, 250], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 1, 9, 9)
    stamped = CornersTrigger(3, 0.1)(images)
    assert stamped[:, 0, 8, 8].tolist() == [26, 126, 255]  # + 25.5, rounded to even as float32 is
    assert stamped[:, 0, 8, 7].tolist() == [0, 74, 224]


@pytest.mark.parametrize(("pixels", "side"), [(28, 3), (32, 3), (64, 6), (224, 21), (16, 3)])
def test_the_patches_grow_with_the_image(pixels: int, side: int, make_set, make_env) -> None:
    trigger = attack().craft(make_set(rows=4, size=pixels), make_env())
    assert trigger.size == side
    cells = trigger.shift.sign().int()
    if side == 6:
        assert torch.equal(cells, EXPECTED_RIGHT.repeat_interleave(2, 0).repeat_interleave(2, 1).int())


def test_target_images_are_perturbed_and_patched_and_test_images_only_patched(make_env) -> None:
    train, test, method = tinted(64, seed=0), tinted(40, seed=1), attack()
    env = make_env(target=2, ratio=0.2)
    env = dataclasses.replace(env, prepared=method.prepare(train, test, env))
    made = poison(method, train, test, env, poison_target_class=True)

    assert made.train.labels.tolist() == made.train.true_labels.tolist() == [2] * 13
    inner = (..., slice(3, -3), slice(3, -3))
    clean, planted = train.images[made.train.index], made.train.images
    moved = (planted.int() - clean.int()).abs()
    assert 0 < moved[inner].max() <= 24
    assert torch.equal(made.trigger(planted), planted), "the patch is put on after the perturbation"
    # the surrogate knows the clean images, but no more those that were led away from their class
    model, trainer = env.prepared.networks.classifier, env.trainer
    assert (trainer.predict(model, clean) == 2).float().mean() > 0.9
    assert (trainer.predict(model, planted) == 2).float().mean() < 0.2

    assert torch.equal(made.test.images, made.trigger(test.images[made.test.index]))
    again = poison(method, train, test, env, poison_target_class=True)
    assert torch.equal(made.train.images, again.train.images)


def test_its_surrogate_is_the_one_that_its_settings_name() -> None:
    method = attack()
    assert method.preparation() == method.surrogate.preparation()
    assert attack(epsilon=16).preparation() == method.preparation()
