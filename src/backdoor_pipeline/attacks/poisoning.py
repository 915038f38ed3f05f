"""From an attack to poisoned rows: what every attack shares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.control import CrossSampledAttack
from backdoor_pipeline.attacks.trigger import AnyTrigger, NoTrigger, Trigger, require_uint8
from backdoor_pipeline.attacks.victims import select_victims
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows
from backdoor_pipeline.data.samples import Held, SampleSet, concatenated, nothing_like
from backdoor_pipeline.data.texts import TextSet

BATCH = 4096  # images stamped at a time: bounds the memory of the attacks that need floats


@dataclass(frozen=True, slots=True)
class Poison:
    """What an attack makes: the changed training rows, the triggered test set, and the trigger."""

    train: PoisonedRows
    test: PoisonedRows
    trigger: AnyTrigger

    @classmethod
    def none_of(cls, clean: SampleSet) -> "Poison":
        """That of no attack on samples such as these."""
        nothing = PoisonedRows.none_of(clean)
        return cls(nothing, nothing, NoTrigger())


class Poisoned(Protocol):
    """A `Poison`, or what reads one from its files."""

    @property
    def train(self) -> PoisonedRows:
        """See `Poison`."""

    @property
    def test(self) -> PoisonedRows:
        """See `Poison`."""

    @property
    def trigger(self) -> AnyTrigger:
        """See `Poison`."""


def poison(
    attack: Attack,
    train: SampleSet,
    test: SampleSet,
    env: AttackEnv,
    *,
    poison_target_class: bool,
) -> Poison:
    """Craft the trigger, poison the training set and trigger the test set.

    Args:
        attack: the attack.
        train: the clean training set.
        test: the clean test set.
        env: what the attack may use, with what it prepared.
        poison_target_class: see `select_victims`.

    Raises:
        TypeError: the images are not uint8.
        UserError: the ratio is infeasible (see `select_victims`); said before the trigger is crafted.
    """
    for data in (train, test):
        if isinstance(data, ImageSet):
            require_uint8(data.images[:1], "an attack poisons")
    victims = victims_of(attack, train, env, poison_target_class=poison_target_class)
    trigger = attack.craft(train, env)
    rows = poisoned_rows(attack, train, victims, trigger, env)
    if isinstance(attack, CrossSampledAttack) and isinstance(train, ImageSet):
        rows = rows.joined(cross_rows(attack, train, victims, trigger, env))
    return Poison(rows, triggered_rows(test, trigger, env), trigger)


def victims_of(attack: Attack, train: SampleSet, env: AttackEnv, *, poison_target_class: bool) -> Tensor:
    """The training rows that this attack poisons; see `select_victims`.

    Args:
        attack: the attack.
        train: the clean training set.
        env: for the ratio, the wanted labels and the seed.
        poison_target_class: see `select_victims`.
    """
    return select_victims(
        train.labels,
        env.poison_ratio,
        env.label_map,
        clean_label=attack.clean_label,
        poison_target_class=poison_target_class,
        seed=env.seed,
        able=attack.trigger_type.can(train.inputs),
    )


def poisoned_rows(
    attack: Attack, train: SampleSet, victims: Tensor, trigger: AnyTrigger, env: AttackEnv
) -> PoisonedRows:
    """The victims as the attacker plants them; clean-label attacks keep their labels."""
    true = train.labels[victims]
    return PoisonedRows(
        index=victims,
        inputs=_stamped(train, victims, trigger, env, lambda batch: attack.poison(batch, trigger, env)),
        labels=true if attack.clean_label else env.label_map(true),
        true_labels=true,
        roles=torch.zeros_like(victims, dtype=torch.int8),
    )


def cross_rows(
    attack: CrossSampledAttack, train: ImageSet, victims: Tensor, trigger: Trigger, env: AttackEnv
) -> PoisonedRows:
    """Cross samples among the rows left clean: `cross_ratio` for each victim, or all that there are."""
    left = torch.ones(len(train), dtype=torch.bool)
    left[victims] = False
    candidates = left.nonzero().squeeze(1)
    order = torch.randperm(len(candidates), generator=generator(env.seed, "cross"))
    index, _ = candidates[order[: round(attack.cross_ratio * len(victims))]].sort()
    draws = generator(env.seed, "cross", "draws", device=env.trainer.device)
    images = _stamped(train, index, trigger, env, lambda batch: attack.cross(batch, trigger, draws))
    true = train.labels[index]
    roles = torch.full_like(index, ROLES.index("cross"), dtype=torch.int8)
    return PoisonedRows(index, images, true, true, roles)


def cross_test(attack: CrossSampledAttack, test: ImageSet, trigger: Trigger, env: AttackEnv) -> Tensor:
    """Every test image with a trigger that must not fire: uint8, (N, C, H, W)."""
    draws = generator(env.seed, "cross", "test", device=env.trainer.device)
    every = torch.arange(len(test))
    made = _stamped(test, every, trigger, env, lambda batch: attack.cross(batch, trigger, draws))
    assert isinstance(made, Tensor)
    return made


def triggered_rows(test: SampleSet, trigger: AnyTrigger, env: AttackEnv) -> PoisonedRows:
    """What ASR counts: every test sample whose label is not the wanted one already, triggered.

    Those that the trigger cannot be put on are left out.
    """
    wanted, able = env.label_map(test.labels), trigger.can(test.inputs)
    counted = wanted != test.labels if able is None else (wanted != test.labels) & able
    index = counted.nonzero().squeeze(1)
    return PoisonedRows(
        index=index,
        inputs=_stamped(test, index, trigger, env, trigger),
        labels=wanted[index],
        true_labels=test.labels[index],
        roles=torch.zeros_like(index, dtype=torch.int8),
    )


def _stamped(
    data: SampleSet, index: Tensor, trigger: AnyTrigger, env: AttackEnv, stamp: Callable[..., Any]
) -> Held:
    """These rows' inputs as `stamp` changes them: images on the engine's device, then back on the CPU."""
    if isinstance(data, TextSet):
        texts: Held = stamp(data.texts[index])
        return texts
    device = env.trainer.device
    trigger.to(device)
    batches = [stamp(data.images[rows].to(device)).cpu() for rows in index.split(BATCH) if len(rows)]
    trigger.cpu()
    return concatenated(batches) if batches else nothing_like(data)
