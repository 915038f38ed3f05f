"""The node that trains the victim's model."""

from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.attacks import Trigger
from backdoor_pipeline.attacks.control import TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, Prepared
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.specs import Poisoning, Training, Watching
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of, new_model
from backdoor_pipeline.pipelines.shared.specificity import specificity
from backdoor_pipeline.pipelines.watching import Look, Watcher, watch_controlled, watch_static
from backdoor_pipeline.training import Engine, History, Trainer


def train_victim(
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
    checkpoints: Path,
    watching: Watching,
    watch_folder: Path,
) -> tuple[Classifier, pd.DataFrame, dict[str, Any]]:
    """Train a model on the poisoned set as a victim would, or, of an attacker who has control, as he does.

    C-Acc and ASR are measured epoch by epoch. What is watched beside goes into a folder of its own: the
    model is the same whatever that is.

    Returns:
        The (backdoored) model, its history (one row per epoch), metrics of the last epoch.
    """
    trainer = Trainer(engine, dataset.augmentation)
    checkpoint, epochs = checkpoints / "train.safetensors", training.recipe.epochs
    watcher: Watcher | None = None

    def look() -> Look:
        return Look(trainer, clean_test, lambda _: poisoned_test, engine.evaluate_every, epochs, watcher)

    attack = attack_of(poisoning.attack) if poisoning.attack else None
    if poisoning.attack and isinstance(attack, TrainingControlledAttack):
        prepared = Prepared(attacker_networks, _rows(prepare_history))
        env = attack_env(poisoning.attack, dataset, engine, prepared)
        if not attack.preparation():  # else the model was trained with the networks, and watched then
            watcher = watch_controlled(watching, attack, clean_train, env, epochs)
        victim = Victim(
            build=lambda: new_model(dataset, training),
            recipe=training.recipe,
            watch=look(),
            checkpoint=checkpoint,
            observer=watcher.recorder if watcher else None,
        )
        model, history = attack.train(clean_train, trigger, victim, env)
    else:
        model = new_model(dataset, training)
        poisoned = overlay(clean_train, poisoned_train)
        watcher = watch_static(watching, trainer, poisoned, poisoned_train, training.seed, epochs)
        history = trainer.fit(
            model,
            poisoned,
            training.recipe,
            seed=training.seed,
            on_epoch=look(),
            observer=watcher.recorder if watcher else None,
            checkpoint=checkpoint,
        )
    if watcher:
        history = watcher.keep(history, watch_folder)
    metrics = _summary(history, trainer)
    if poisoning.attack and attack:
        metrics |= specificity(
            attack, model, clean_test, trigger, attack_env(poisoning.attack, dataset, engine)
        )
    return model, pd.DataFrame(history), metrics


def _rows(history: pd.DataFrame) -> History:
    return [{str(name): float(value) for name, value in row.items()} for row in history.to_dict("records")]


def _summary(history: History, trainer: Trainer) -> dict[str, Any]:
    last = {name: value for name, value in history[-1].items() if name not in ("epoch", "seconds")}
    how = {"device": str(trainer.device), "precision": trainer.precision}
    return {**last, **how, "epochs": len(history), "seconds": sum(row["seconds"] for row in history)}
