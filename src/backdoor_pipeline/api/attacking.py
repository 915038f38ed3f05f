"""Attacks on images and texts at hand."""

from dataclasses import replace
from typing import Any

import torch

from backdoor_pipeline.api.data import image_set
from backdoor_pipeline.api.defaults import choice, trainer_of, with_defaults
from backdoor_pipeline.attacks import ATTACKS, Attack, AttackEnv, TrainingControlledAttack, poisoning
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation, DatasetSpec, ImageSpec, TextSpec
from backdoor_pipeline.data.texts import TextSet
from backdoor_pipeline.training import Engine

UNVARIED = Augmentation(crop_padding=0, horizontal_flip=False)
LOOKED_AT = 2000  # images whose mean and deviation stand for all
LENGTH = 128  # tokens


def attack(name: str, *, budget: str | None = None, **params: Any) -> Attack:
    """An attack; hyper-parameters that are not given are those of `conf/base`.

    Args:
        name: such as "badnets".
        budget: a data set of `conf/base`, whose budget fills what has no value of its own there.
        params: hyper-parameters, such as `patch_size=3`.

    Raises:
        UserError: the attack or a parameter is not known, or a value is none.
    """
    return with_defaults(ATTACKS, name, budget, "attacking", params)


def poison(
    made: Attack | str,
    train: Any,
    test: Any,
    *,
    target_label: int | None = None,
    poison_ratio: float | None = None,
    seed: int | None = None,
    engine: Engine | None = None,
) -> poisoning.Poison:
    """Poison a training set and trigger a test set; all images are sent to one class.

    Args:
        made: an attack, or its name.
        train: the clean training set, in any form that `image_set` takes, or a `TextSet`.
        test: the clean test set, likewise.
        target_label: the class that triggered samples are to get; None: the default of `conf/base`, as below.
        poison_ratio: the share of the training set that is poisoned.
        seed: of whatever is drawn.
        engine: how to run.

    Returns:
        The changed training rows, the triggered test samples and the trigger.

    Raises:
        UserError: the attack trains the victim's model itself, or the ratio is not feasible.
    """
    chosen = attack(made) if isinstance(made, str) else made
    if isinstance(chosen, TrainingControlledAttack) and chosen.preparation():
        raise UserError(
            f"{chosen.name} trains the victim's model itself: kedro run --params attack:{chosen.name}."
        )
    clean, held_out = (one if isinstance(one, TextSet) else image_set(one) for one in (train, test))
    target = choice("target_label") if target_label is None else target_label
    env = AttackEnv(
        trainer=trainer_of(engine),
        label_map=LabelMap("all_to_one", target, len(clean.classes)),
        poison_ratio=choice("poison_ratio") if poison_ratio is None else poison_ratio,
        seed=choice("seed") if seed is None else seed,
        dataset=facts(clean),
    )
    if chosen.preparation():
        env = replace(env, prepared=chosen.prepare(clean, held_out, env))
    anywhere = choice("poison_target_class") and not chosen.other_classes_only
    return poisoning.poison(chosen, clean, held_out, env, poison_target_class=anywhere)


def facts(data: ImageSet | TextSet) -> DatasetSpec:
    """What is known of a data set at hand: its mean and deviation are measured."""
    common = {"name": "at-hand", "source": "at-hand", "options": {}, "num_classes": len(data.classes)}
    if isinstance(data, TextSet):
        return TextSpec(**common, kind="text", length=LENGTH)
    channels, size, _ = data.image_shape
    pixels: torch.Tensor = data.images[:LOOKED_AT].float() / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)).clamp(min=0.001)
    return ImageSpec(
        **common,
        image_size=size,
        channels=channels,
        mean=mean.tolist(),
        std=std.tolist(),
        augmentation=UNVARIED,
    )
