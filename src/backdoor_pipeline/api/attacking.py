"""Attacks on images and texts at hand."""

from dataclasses import replace
from typing import Any

import torch

from backdoor_pipeline.api.checks import kind_of_samples, see_that_they_are_alike
from backdoor_pipeline.api.data import samples_of
from backdoor_pipeline.api.defaults import choices, trainer_of, with_defaults
from backdoor_pipeline.attacks import ATTACKS, Attack, AttackEnv, TrainingControlledAttack, poisoning
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.base.errors import UserError, quoted
from backdoor_pipeline.data.samples import SampleSet, some_rows
from backdoor_pipeline.data.spec import Augmentation, DatasetSpec, ImageSpec, TextSpec
from backdoor_pipeline.data.texts import TextSet
from backdoor_pipeline.experiment.feasible import see_that_the_target_is_a_class
from backdoor_pipeline.experiment.kinds import made_for, misfit
from backdoor_pipeline.experiment.validation import check
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
        UserError: the attack learns its trigger with the victim's model (Input-aware, LWS; of WaNet the rows
            are as many as one epoch has), is not made for such samples, or is not known; the samples are no
            data set, or not alike; or the ratio, the target or the seed is out of range or not feasible.
    """
    chosen = _made(made)
    asked = choices(target_label=target_label, poison_ratio=poison_ratio, seed=seed)
    clean, held_out = samples_of(train), samples_of(test)
    _see_that_they_suit(chosen, clean, held_out)
    see_that_the_target_is_a_class(asked.target_label, len(clean.classes), "the training set")
    env = AttackEnv(
        trainer=trainer_of(engine),
        label_map=LabelMap("all_to_one", asked.target_label, len(clean.classes)),
        poison_ratio=asked.poison_ratio,
        seed=asked.seed,
        dataset=facts(clean),
    )
    if chosen.preparation():
        env = replace(env, prepared=chosen.prepare(clean, held_out, env))
    anywhere = asked.poison_target_class and not chosen.other_classes_only
    return poisoning.poison(chosen, clean, held_out, env, poison_target_class=anywhere)


def _made(given: Any) -> Attack:
    """The attack, or that of this name, whose poison can be made without a model."""
    made = attack(given) if isinstance(given, str) else given
    if not isinstance(made, Attack):
        raise UserError(f"{quoted(given)} is no attack: give a name, or what attack(name) makes.")
    if isinstance(made, TrainingControlledAttack) and made.preparation():
        raise UserError(
            f"{made.name} learns its trigger with the victim's model: kedro run --params attack:{made.name}."
        )
    return made


def _see_that_they_suit(chosen: Attack, clean: SampleSet, held_out: SampleSet) -> None:
    kind = kind_of_samples(clean)
    if chosen.kind != kind:
        raise misfit("attack", chosen.name, kind, made_for(kind)["attack"][1])
    see_that_they_are_alike(held_out, clean, "test samples", "training samples")


def facts(data: SampleSet) -> DatasetSpec:
    """What is known of a data set at hand: its mean and deviation are measured.

    Raises:
        UserError: it has one class only; or images that are neither gray nor RGB, or not square.
    """
    common = {"name": "at-hand", "source": "at-hand", "options": {}, "num_classes": len(data.classes)}
    if isinstance(data, TextSet):
        return check(TextSpec, {**common, "kind": "text", "length": LENGTH}, "the data set")
    channels, height, width = data.image_shape
    if height != width:
        raise UserError(f"the images are {height} by {width} pixels: give square ones.")
    pixels: torch.Tensor = data.images[some_rows(len(data), LOOKED_AT)].float() / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3)).clamp(min=0.001)
    measured = {"mean": mean.tolist(), "std": std.tolist(), "augmentation": UNVARIED}
    return check(
        ImageSpec, {**common, "image_size": height, "channels": channels, **measured}, "the data set"
    )
