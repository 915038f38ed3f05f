"""The node that has the notes on the victim's training, if need be by training once more."""

import logging
from typing import Any

import pandas as pd

from backdoor_pipeline.attacks.control import TrainingControlledAttack
from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import VictimStage
from backdoor_pipeline.pipelines.prepare.nodes import prepare_attacker
from backdoor_pipeline.pipelines.shared.attacking import attack_of
from backdoor_pipeline.pipelines.shared.notes import NotesFolder
from backdoor_pipeline.pipelines.train.nodes import train_victim

logger = logging.getLogger(__name__)


def watch_training(
    clean: Splits, poison: Poisoned, stage: VictimStage, folders: Folders, train_metrics: dict[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the notes that the training left; if it was not watched, or otherwise, repeat it.

    On a CPU the repeated training ends with the same weights to the bit; the model is not kept.

    Returns:
        A row per epoch and a row per training sample; both empty if nothing is watched.
    """
    if not stage.watching.on:
        return pd.DataFrame({"epoch": []}), pd.DataFrame({"index": []})
    kept = NotesFolder(folders.notes)
    notes = kept.load()
    if notes is None:
        logger.info(
            "the training was not watched: it is repeated (the first took %.0f s)", train_metrics["seconds"]
        )
        _train_again(clean, poison, stage, folders)
        notes = kept.load()
    assert notes is not None, "a watched training leaves its notes"
    return notes.epochs, notes.samples


def _train_again(clean: Splits, poison: Poisoned, stage: VictimStage, folders: Folders) -> None:
    """Repeat the stage that trained the victim's model: an attacker may have done so with his networks."""
    attack = attack_of(stage.poisoning.attack) if stage.poisoning.attack else None
    if isinstance(attack, TrainingControlledAttack) and attack.preparation():
        prepare_attacker(clean, stage, folders)
    else:
        train_victim(clean, poison, NoNetworks(), pd.DataFrame({"epoch": []}), stage, folders)
