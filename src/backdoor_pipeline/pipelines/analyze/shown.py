"""Which images and models the figures show, and what they are called."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from backdoor_pipeline.analysis.explanations import Explained
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.lines import note
from backdoor_pipeline.analysis.scoring import CLEAN, TRIGGERED
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import Held, SampleSet
from backdoor_pipeline.data.spec import TextSpec
from backdoor_pipeline.experiment.specs import Choices
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.reporting.summary import percent_ratio


def of_images(name: str, draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """A node that draws a figure of images; of an experiment with texts, a note that there is none."""

    @wraps(draw)
    def node(*given: Any) -> Figure:
        stage = given[-1]
        if isinstance(stage.dataset, TextSpec):
            return note(title(name, stage.choices), f"{name} is of images: there is none for texts.")
        return draw(*given)

    return node


def title(what: str, choices: Choices) -> str:
    """What a figure shows, and of which experiment."""
    attack = "no attack" if choices.attack == NONE else _attack(choices)
    return f"{what}: {choices.dataset}, {choices.model}, {attack}, seed {choices.seed}"


def _attack(choices: Choices) -> str:
    """With its ratio, which nobody knows of somebody else's."""
    if choices.attack == IMPORTED:
        return choices.attack
    return f"{choices.attack} {percent_ratio(choices.poison_ratio)}"


def by_name(before: Classifier, after: Classifier, choices: Choices) -> dict[str, Classifier]:
    """The models to compare; only the victim's where nothing defended it."""
    if choices.defense == NONE:
        return {"no defense": before}
    return {"before defense": before, f"after {choices.defense}": after}


def drawn(count: int, most: int, choices: Choices, purpose: str) -> Tensor:
    """At most `most` of `count` rows, by chance."""
    return torch.randperm(count, generator=generator(choices.seed, purpose))[:most]


def victims(triggered: PoisonedRows) -> Tensor:
    """The rows whose true class is not the one that the attack wants: int64."""
    return (triggered.labels != triggered.true_labels).nonzero().squeeze(1)


def explained_images(
    clean_test: ImageSet, triggered: PoisonedRows, predictions: pd.DataFrame, choices: Choices, most: int
) -> Explained:
    """Images that the trigger alone made the victim's model send to the target, clean and triggered.

    By chance among those; where there are none, among all that the attack is after. Of the control, clean
    test images.
    """
    if not len(triggered):
        index = drawn(len(clean_test), most, choices, "explained")
        versions = {"clean": clean_test.images[index]}
        return Explained(index, clean_test.labels[index], versions, clean_test.classes)
    rows = victims(triggered)
    before, clean = (_before(predictions, name) for name in (TRIGGERED, CLEAN))
    sent = before[rows] == triggered.labels[rows]
    right = clean[triggered.index[rows]] == triggered.true_labels[rows]
    rows = rows[sent & right] if (sent & right).any() else rows
    rows = rows[drawn(len(rows), most, choices, "explained")]
    index = triggered.index[rows]
    versions = {"clean": clean_test.images[index], "triggered": triggered.images[rows]}
    return Explained(index, triggered.true_labels[rows], versions, clean_test.classes)


def _before(predictions: pd.DataFrame, name: str) -> Tensor:
    """What the victim's model made of each image of one of the two test sets."""
    return torch.from_numpy(predictions.loc[predictions["set"] == name, "before"].to_numpy(copy=True))


def pairs(clean_test: SampleSet, triggered: PoisonedRows, choices: Choices, most: int) -> dict[str, Held]:
    """Test inputs `clean`, and the same `triggered`; of the control, clean ones alone."""
    if not len(triggered):
        return {"clean": clean_test.inputs[drawn(len(clean_test), most, choices, "pairs")]}
    rows = victims(triggered)
    rows = rows[drawn(len(rows), most, choices, "pairs")]
    return {"clean": clean_test.inputs[triggered.index[rows]], "triggered": triggered.inputs[rows]}
