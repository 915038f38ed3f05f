"""The node that trains the victim's model."""

from typing import Any

import pandas as pd

from backdoor_pipeline.analysis.look import Look
from backdoor_pipeline.analysis.watching import Watcher, watch_controlled, watch_static
from backdoor_pipeline.attacks.control import TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, Prepared
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.poisoned import overlay
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import VictimStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of, new_model
from backdoor_pipeline.pipelines.shared.notes import NotesFolder
from backdoor_pipeline.pipelines.shared.specificity import specificity
from backdoor_pipeline.training import History, Trainer

Trained = tuple[Classifier, History, Watcher | None]


def train_victim(
    clean: Splits,
    poison: Poisoned,
    attacker_networks: Networks,
    prepare_history: pd.DataFrame,
    stage: VictimStage,
    folders: Folders,
) -> tuple[Classifier, pd.DataFrame, dict[str, Any]]:
    """Train a model on the poisoned set as a victim would, or, of an attacker who has control, as he does.

    C-Acc and ASR are measured epoch by epoch. What is watched beside goes into a folder of its own: the
    model is the same whatever that is.

    Returns:
        The (backdoored) model, its history (one row per epoch), metrics of the last epoch.
    """
    spec, trainer = stage.poisoning.attack, Trainer(stage.engine, stage.dataset.varied_by)
    attack = attack_of(spec) if spec else None
    if stage.training.elsewhere:
        return _as_it_is(trainer, clean, poison, stage)
    if isinstance(attack, TrainingControlledAttack):
        prepared = Prepared(attacker_networks, _rows(prepare_history))
        model, history, watcher = _as_the_attacker(attack, prepared, clean, poison, stage, folders)
    else:
        model, history, watcher = _as_a_victim(trainer, clean, poison, stage, folders)
    if watcher:
        history, notes = watcher.part(history)
        NotesFolder(folders.notes).save(notes)
    metrics = _summary(history, trainer)
    if spec and attack:
        env = attack_env(spec, stage.dataset, stage.engine)
        metrics |= specificity(attack, model, clean.test, poison.trigger, env)
    return model, pd.DataFrame(history), metrics


def _as_it_is(
    trainer: Trainer, clean: Splits, poison: Poisoned, stage: VictimStage
) -> tuple[Classifier, pd.DataFrame, dict[str, Any]]:
    """Somebody else's model: its first weights are its last, so there is one row, and no epoch."""
    model = new_model(stage.dataset, stage.training).eval()
    scores = _look(trainer, clean, poison, stage, None)(stage.training.recipe.epochs, model)
    history = [{"epoch": 0, "seconds": 0.0, **scores}]
    return model, pd.DataFrame(history), {**_summary(history, trainer), "epochs": 0}


def _as_a_victim(
    trainer: Trainer, clean: Splits, poison: Poisoned, stage: VictimStage, folders: Folders
) -> Trained:
    model, training = new_model(stage.dataset, stage.training), stage.training
    poisoned, epochs = overlay(clean.train, poison.train), training.recipe.epochs
    watcher = watch_static(stage.watching, trainer, poisoned, poison.train, training.seed, epochs)
    history = trainer.fit(
        model,
        poisoned,
        training.recipe,
        seed=training.seed,
        on_epoch=_look(trainer, clean, poison, stage, watcher),
        observer=watcher.recorder if watcher else None,
        checkpoint=folders.checkpoint,
    )
    return model, history, watcher


def _as_the_attacker(
    attack: TrainingControlledAttack,
    prepared: Prepared,
    clean: Splits,
    poison: Poisoned,
    stage: VictimStage,
    folders: Folders,
) -> Trained:
    assert stage.poisoning.attack is not None
    env = attack_env(stage.poisoning.attack, stage.dataset, stage.engine, prepared)
    watcher = None
    if not attack.preparation():  # else the model was trained with the networks, and watched then
        epochs = stage.training.recipe.epochs
        watcher = watch_controlled(stage.watching, attack, clean.train, env, epochs)
    victim = Victim(
        build=lambda: new_model(stage.dataset, stage.training),
        recipe=stage.training.recipe,
        watch=_look(env.trainer, clean, poison, stage, watcher),
        checkpoint=folders.checkpoint,
        observer=watcher.recorder if watcher else None,
    )
    model, history = attack.train(clean.train, poison.trigger, victim, env)
    return model, history, watcher


def _look(
    trainer: Trainer, clean: Splits, poison: Poisoned, stage: VictimStage, watcher: Watcher | None
) -> Look:
    every, epochs = stage.engine.evaluate_every, stage.training.recipe.epochs
    return Look(trainer, clean.test, lambda _: poison.test, every, epochs, watcher)


def _rows(history: pd.DataFrame) -> History:
    return [{str(name): float(value) for name, value in row.items()} for row in history.to_dict("records")]


def _summary(history: History, trainer: Trainer) -> dict[str, Any]:
    last = {name: value for name, value in history[-1].items() if name not in ("epoch", "seconds")}
    how = {"device": str(trainer.device), "precision": trainer.precision}
    return {**last, **how, "epochs": len(history), "seconds": sum(row["seconds"] for row in history)}
