"""Triggers that one number makes weaker or stronger."""

from itertools import pairwise

import pytest
import torch
from helpers.parameters import image_methods

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.methods.badnets import PatchTrigger
from backdoor_pipeline.attacks.methods.blended import BlendTrigger
from backdoor_pipeline.attacks.methods.lc import CornersTrigger
from backdoor_pipeline.attacks.methods.lf import SmoothTrigger
from backdoor_pipeline.attacks.methods.sig import SinusoidTrigger
from backdoor_pipeline.attacks.parts.warp import WarpTrigger
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.registry import NONE

SHAPE = (3, 32, 32)
WITHOUT = {"ssba", "inputaware"}  # a secret's bits, a network's patterns: no one number


def smooth() -> SmoothTrigger:
    trigger = SmoothTrigger(SHAPE)
    wave = torch.sin(torch.linspace(0, 6.28, 32))
    trigger.pattern.copy_((20.4 * wave / wave.max()).expand(SHAPE))
    return trigger


def warp() -> WarpTrigger:
    trigger = WarpTrigger(4, 0.5, 1.0)
    trigger.control.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    return trigger


TRIGGERS = {
    "badnets": (lambda: PatchTrigger(3), 3),
    "blended": (lambda: BlendTrigger.of(images(1)[0], 0.2), 0.2),
    "sig": (lambda: SinusoidTrigger(40, 6), 40),
    "lc": (lambda: CornersTrigger(3, 0.5), 0.5),
    "lf": (smooth, 20.4 / 255),
    "wanet": (warp, 0.5),
}


def images(count: int = 6) -> torch.Tensor:
    draws = torch.Generator().manual_seed(3)
    rough = torch.randint(60, 200, (count, *SHAPE), dtype=torch.uint8, generator=draws)
    return torch.nn.functional.avg_pool2d(rough.float(), 5, 1, 2).round().to(torch.uint8)


def test_attacks_say_whether_their_triggers_have_a_strength() -> None:
    kinds = {name: ATTACKS[name].trigger_type for name in image_methods(ATTACKS) if name != NONE}
    assert {name for name, kind in kinds.items() if kind.strengths} >= set(TRIGGERS)
    assert {name for name, kind in kinds.items() if not kind.strengths} >= WITHOUT, "others may be added"
    for kind in kinds.values():
        if kind.strengths:
            assert list(kind.strengths.tested) == sorted(set(kind.strengths.tested))
            assert len(kind.strengths.tested) >= 5
            assert kind.strengths.label


@pytest.mark.parametrize("name", TRIGGERS)
def test_at_its_own_strength_it_is_itself(name: str) -> None:
    make, own = TRIGGERS[name]
    trigger: Trigger = make()
    assert trigger.own_strength() == pytest.approx(own, rel=1e-3)
    again = trigger.at_strength(trigger.own_strength())
    assert again is not trigger
    assert type(again) is type(trigger)
    assert torch.equal(again(images()), trigger(images()))


@pytest.mark.parametrize("name", TRIGGERS)
def test_the_stronger_the_more_it_changes(name: str) -> None:
    trigger: Trigger = TRIGGERS[name][0]()
    before = {key: tensor.clone() for key, tensor in trigger.state_dict().items()}
    changes = []
    for value in trigger.strengths.tested:
        other = trigger.at_strength(value)
        assert other.own_strength() == pytest.approx(value, rel=1e-5)
        changes.append((other(images()).float() - images().float()).abs().mean().item())
    assert all(weak < strong for weak, strong in pairwise(changes)), changes
    assert all(torch.equal(tensor, before[key]) for key, tensor in trigger.state_dict().items())


def test_what_was_learned_or_drawn_stays() -> None:
    trigger = warp()
    assert torch.equal(trigger.at_strength(1.0).control, trigger.control)
    assert trigger.at_strength(1.0).config == {**trigger.config, "strength": 1.0}
    blend = TRIGGERS["blended"][0]()
    assert torch.equal(blend.at_strength(0.4).key, blend.key)
    assert isinstance(PatchTrigger(3).at_strength(6.0).config["size"], int)
