"""From an attack to poisoned rows: what every attack shares."""

from dataclasses import dataclass

import torch
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.attacks.victims import select_victims
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows

BATCH = 4096  # images stamped at a time: bounds the memory of the attacks that need floats


@dataclass(frozen=True, slots=True)
class Poison:
    """What an attack makes: the changed training rows, the triggered test images, and the trigger."""

    train: PoisonedRows
    test: PoisonedRows
    trigger: Trigger


def poison(
    attack: Attack,
    train: ImageSet,
    test: ImageSet,
    env: AttackEnv,
    *,
    ratio: float,
    poison_target_class: bool,
) -> Poison:
    """Craft the trigger, poison the training set and trigger the test set.

    Raises:
        UserError: the ratio is infeasible (see `select_victims`); said before the trigger is crafted.
    """
    victims = select_victims(
        train.labels,
        ratio,
        env.label_map,
        clean_label=attack.clean_label,
        poison_target_class=poison_target_class,
        seed=env.seed,
    )
    trigger = attack.craft(train, env)
    return Poison(
        poisoned_rows(attack, train, victims, trigger, env), triggered_rows(test, trigger, env), trigger
    )


def poisoned_rows(
    attack: Attack, train: ImageSet, victims: Tensor, trigger: Trigger, env: AttackEnv
) -> PoisonedRows:
    """The victims as the attacker plants them; clean-label attacks keep their labels."""
    true = train.labels[victims]
    images = torch.cat([attack.poison(train.images[rows], trigger, env) for rows in victims.split(BATCH)])
    return PoisonedRows(
        index=victims,
        images=images,
        labels=true if attack.clean_label else env.label_map(true),
        true_labels=true,
        roles=torch.zeros_like(victims, dtype=torch.int8),
    )


def triggered_rows(test: ImageSet, trigger: Trigger, env: AttackEnv) -> PoisonedRows:
    """The images that ASR counts: every test image whose label is not the wanted one already, triggered."""
    wanted = env.label_map(test.labels)
    index = (wanted != test.labels).nonzero().squeeze(1)
    images = torch.cat([trigger(test.images[rows]) for rows in index.split(BATCH)])
    return PoisonedRows(
        index=index,
        images=images,
        labels=wanted[index],
        true_labels=test.labels[index],
        roles=torch.zeros_like(index, dtype=torch.int8),
    )
