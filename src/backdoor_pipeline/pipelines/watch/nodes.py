"""The node that has the notes on the victim's training, if need be by training once more."""

import logging
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.attacks import Trigger
from backdoor_pipeline.attacks.control import TrainingControlledAttack
from backdoor_pipeline.attacks.networks import Networks
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.specs import Poisoning, Training, Watching
from backdoor_pipeline.pipelines.prepare.nodes import prepare_attacker
from backdoor_pipeline.pipelines.shared.attacking import attack_of
from backdoor_pipeline.pipelines.train.nodes import train_victim
from backdoor_pipeline.pipelines.watching import Records
from backdoor_pipeline.training import Engine

logger = logging.getLogger(__name__)


def watch_training(
    clean_train: ImageSet,
    clean_test: ImageSet,
    poisoned_train: PoisonedRows,
    poisoned_test: PoisonedRows,
    trigger: Trigger,
    attacker_networks: Networks,
    prepare_history: pd.DataFrame,
    dataset: DatasetSpec,
    poisoning: Poisoning,
    training: Training,
    engine: Engine,
    watching: Watching,
    watch_folder: Path,
    train_metrics: dict[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the notes that the training left; if it was not watched, or otherwise, repeat it.

    On a CPU the repeated training ends with the same weights to the bit; the model is not kept.

    Returns:
        A row per epoch and a row per training sample; both empty if nothing is watched.
    """
    if not watching.on:
        return pd.DataFrame({"epoch": []}), pd.DataFrame({"index": []})
    records = Records(watch_folder)
    if found := records.load():
        return found
    logger.info(
        "the training was not watched: it is repeated (the first took %.0f s)", train_metrics["seconds"]
    )
    checkpoints = watch_folder / "checkpoints"
    kept = (watching, watch_folder)
    attack = attack_of(poisoning.attack) if poisoning.attack else None
    if isinstance(attack, TrainingControlledAttack) and attack.preparation():
        prepare_attacker(clean_train, clean_test, dataset, poisoning, training, engine, checkpoints, *kept)
    else:
        sets = (clean_train, clean_test, poisoned_train, poisoned_test)
        theirs = (trigger, attacker_networks, prepare_history)
        train_victim(*sets, *theirs, dataset, poisoning, training, engine, checkpoints, *kept)
    shutil.rmtree(checkpoints, ignore_errors=True)
    found = records.load()
    assert found is not None, "a watched training leaves its notes"
    return found
