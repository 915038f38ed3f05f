"""From an attack to poisoned rows: what every attack shares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.control import TrainingControlledAttack
from backdoor_pipeline.attacks.trigger import Trigger, require_uint8
from backdoor_pipeline.attacks.victims import select_victims
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows

BATCH = 4096  # images stamped at a time: bounds the memory of the attacks that need floats


@dataclass(frozen=True, slots=True)
class Poison:
    """What an attack makes: the changed training rows, the triggered test images, and the trigger."""

    train: PoisonedRows
    test: PoisonedRows
    trigger: Trigger


class Poisoned(Protocol):
    """A `Poison`, or what reads one from its files."""

    @property
    def train(self) -> PoisonedRows:
        """See `Poison`."""

    @property
    def test(self) -> PoisonedRows:
        """See `Poison`."""

    @property
    def trigger(self) -> Trigger:
        """See `Poison`."""


def poison(
    attack: Attack,
    train: ImageSet,
    test: ImageSet,
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
        require_uint8(data.images[:1], "an attack poisons")
    victims = victims_of(attack, train.labels, env, poison_target_class=poison_target_class)
    trigger = attack.craft(train, env)
    rows = poisoned_rows(attack, train, victims, trigger, env)
    if isinstance(attack, TrainingControlledAttack):
        rows = rows.joined(cross_rows(attack, train, victims, trigger, env))
    return Poison(rows, triggered_rows(test, trigger, env), trigger)


def victims_of(attack: Attack, labels: Tensor, env: AttackEnv, *, poison_target_class: bool) -> Tensor:
    """The training rows that this attack poisons; see `select_victims`.

    Args:
        attack: the attack.
        labels: the true labels of the whole training set, int64, (N,).
        env: for the ratio, the wanted labels and the seed.
        poison_target_class: see `select_victims`.
    """
    return select_victims(
        labels,
        env.poison_ratio,
        env.label_map,
        clean_label=attack.clean_label,
        poison_target_class=poison_target_class,
        seed=env.seed,
    )


def poisoned_rows(
    attack: Attack, train: ImageSet, victims: Tensor, trigger: Trigger, env: AttackEnv
) -> PoisonedRows:
    """The victims as the attacker plants them; clean-label attacks keep their labels."""
    true = train.labels[victims]
    images = _stamped(train, victims, trigger, env, lambda batch: attack.poison(batch, trigger, env))
    return PoisonedRows(
        index=victims,
        images=images,
        labels=true if attack.clean_label else env.label_map(true),
        true_labels=true,
        roles=torch.zeros_like(victims, dtype=torch.int8),
    )


def cross_rows(
    attack: TrainingControlledAttack, train: ImageSet, victims: Tensor, trigger: Trigger, env: AttackEnv
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


def cross_test(attack: TrainingControlledAttack, test: ImageSet, trigger: Trigger, env: AttackEnv) -> Tensor:
    """Every test image with a trigger that must not fire: uint8, (N, C, H, W)."""
    draws = generator(env.seed, "cross", "test", device=env.trainer.device)
    every = torch.arange(len(test))
    return _stamped(test, every, trigger, env, lambda batch: attack.cross(batch, trigger, draws))


def triggered_rows(test: ImageSet, trigger: Trigger, env: AttackEnv) -> PoisonedRows:
    """The images that ASR counts: every test image whose label is not the wanted one already, triggered."""
    wanted = env.label_map(test.labels)
    index = (wanted != test.labels).nonzero().squeeze(1)
    images = _stamped(test, index, trigger, env, trigger)
    return PoisonedRows(
        index=index,
        images=images,
        labels=wanted[index],
        true_labels=test.labels[index],
        roles=torch.zeros_like(index, dtype=torch.int8),
    )


def _stamped(
    data: ImageSet, index: Tensor, trigger: Trigger, env: AttackEnv, stamp: Callable[[Tensor], Tensor]
) -> Tensor:
    """These rows' images stamped on the engine's device, back on the CPU: uint8, (n, C, H, W)."""
    device = env.trainer.device
    trigger.to(device)
    batches = [stamp(data.images[rows].to(device)).cpu() for rows in index.split(BATCH)]
    trigger.cpu()
    return torch.cat(batches) if batches else data.images[index]
