"""Whether a data set has the images that an experiment takes: told before anything is written (P8)."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import torch
from pydantic import TypeAdapter

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.victims import available, largest_ratio, limit, victim_count
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.data.manifest import Manifest
from backdoor_pipeline.data.spec import AnySpec, DatasetSpec
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.defenses.clean_subset import clean_count
from backdoor_pipeline.experiment.specs import AttackSpec, Choices, Defending, Experiment

DATASET: TypeAdapter[AnySpec] = TypeAdapter(AnySpec)


def see_that_it_can_be(experiment: Experiment, manifest: Manifest) -> None:
    """See that the data are as their settings say, suit the attack, and are enough for it and the defense.

    Raises:
        UserError: they are not, or there are not.
    """
    counts = manifest.training_counts(experiment.dataset)
    if attack := experiment.poisoning.attack:
        _see_that_it_suits(attack.name, json.dumps(attack.params), experiment.dataset.model_dump_json())
        scarce = ATTACKS[attack.name].of_paraphrases
        able = manifest.paraphrased_counts(experiment.dataset) if scarce else counts
        _see_that_it_can_poison(attack, able, sum(counts))
    _see_that_it_can_defend(experiment.defending, sum(counts))


def see_that_the_target_is_a_class(target: int, classes: int, whose: str) -> None:
    """See that the label which the attacker wants is one of the data set's.

    Args:
        target: the label.
        classes: K.
        whose: what has so many, for the message.

    Raises:
        UserError: it is not.
    """
    if target >= classes:
        raise UserError(f"target_label {target} is out of range: {whose} has the labels 0 to {classes - 1}.")


def with_feasible_ratio(choices: Choices, dataset: DatasetSpec, manifest: Manifest) -> Choices:
    """The choices, but for a clean-label attack no higher ratio than its target class allows.

    For a ratio that nobody has asked for: of one that was, `see_that_it_can_be` says that it cannot be.
    """
    if choices.attack in (NONE, IMPORTED) or not ATTACKS[choices.attack].clean_label:
        return choices
    with suppress(UserError):  # `see_that_it_can_be` tells it
        counts = manifest.training_counts(dataset)
        wanted = LabelMap(choices.label_map, choices.target_label, len(counts))
        candidates = available(torch.tensor(counts), wanted, clean_label=True, poison_target_class=True)
        if 0 < candidates < round(choices.poison_ratio * sum(counts)):
            return choices.model_copy(update={"poison_ratio": largest_ratio(candidates, sum(counts))})
    return choices


def lowered_ratio(choices: Choices, params: Mapping[str, Any]) -> str:
    """What to say of a ratio that `with_feasible_ratio` has lowered from the parameters'; else nothing."""
    asked, used = float(params["poison_ratio"]), choices.poison_ratio
    if used == asked:
        return ""
    why = f"{choices.attack} poisons only class {choices.target_label}, all of it"
    return f"{100 * used:.4g}% instead of {100 * asked:.4g}%: {why}"


@cache  # of what suits: a sweep asks the same thousands of times
def _see_that_it_suits(attack: str, params: str, dataset: str) -> None:
    """An attack and a data set, both as JSON."""
    ATTACKS[attack].model_validate_json(params).require(DATASET.validate_json(dataset))


def _see_that_it_can_poison(attack: AttackSpec, able: Sequence[int], total: int) -> None:
    method = ATTACKS[attack.name]
    candidates = available(
        torch.tensor(able),
        LabelMap(attack.label_map, attack.target_label, len(able)),
        clean_label=method.clean_label,
        poison_target_class=attack.poison_target_class,
    )
    why = limit(clean_label=method.clean_label, able=method.of_paraphrases)
    victim_count(attack.poison_ratio, candidates, total, why)


def _see_that_it_can_defend(defending: Defending, total: int) -> None:
    if defending.defense:
        clean = clean_count(defending.clean_ratio, total)
        defense = DEFENSES[defending.defense.name].model_validate(defending.defense.params)
        defense.require_images(total, clean)
