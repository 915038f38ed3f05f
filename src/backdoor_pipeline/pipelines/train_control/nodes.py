"""The node that trains the clean model which ASR is held against."""

from typing import Any

import pandas as pd

from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Poisoning, Watching
from backdoor_pipeline.experiment.stages import ControlStage, VictimStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.train.nodes import train_victim

NOT_ASKED = "there is no control"  # in the place of a model, because Kedro takes no None


def train_control(
    clean: Splits, stage: ControlStage, folders: Folders
) -> tuple[Classifier | str, pd.DataFrame, dict[str, Any]]:
    """Train the victim's model as it would have been without the attack.

    It is what an experiment with `attack: none` leaves, so that either finds the other's.

    Returns:
        The model, its history, its metrics; nothing of them if no control is asked for.
    """
    no_epochs = pd.DataFrame({"epoch": []})
    if stage.control is None:
        return NOT_ASKED, no_epochs, {}
    victim = VictimStage(
        dataset=stage.dataset,
        poisoning=Poisoning(attack=None),
        training=stage.control,
        watching=Watching.nothing(),
        engine=stage.engine,
    )
    return train_victim(clean, Poison.none_of(clean.train), NoNetworks(), no_epochs, victim, folders)
