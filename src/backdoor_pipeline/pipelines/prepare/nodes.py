"""The node that trains what an attacker needs before anything is poisoned."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.attacks import Attack, AttackEnv, Trigger
from backdoor_pipeline.attacks.control import TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, NoNetworks, Prepared
from backdoor_pipeline.attacks.poisoning import triggered_rows, victims_of
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.specs import Poisoning, Training, Watching
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of, new_model
from backdoor_pipeline.pipelines.watching import Look, Watcher, watch_controlled
from backdoor_pipeline.training import Engine


def prepare_attacker(
    clean_train: ImageSet,
    clean_test: ImageSet,
    dataset: DatasetSpec,
    poisoning: Poisoning,
    training: Training,
    engine: Engine,
    checkpoints: Path,
    watching: Watching,
    watch_folder: Path,
) -> tuple[Networks, pd.DataFrame, dict[str, Any]]:
    """Train the attacker's own networks: a surrogate, an encoder, a generator; most attacks have none.

    Where the victim's model is trained with them, that is what is watched.

    Returns:
        The networks, the history of their training (one row per epoch), metrics.

    Raises:
        UserError: the attack cannot be: this is the first that is done for it.
    """
    spec = poisoning.attack
    if spec is None:
        return NoNetworks(), pd.DataFrame({"epoch": []}), {"seconds": 0.0}
    attack, env = attack_of(spec), attack_env(spec, dataset, engine)
    victims_of(attack, clean_train.labels, env, poison_target_class=spec.poison_target_class)
    checkpoint = checkpoints / "train.safetensors"
    watcher: Watcher | None = None
    with Stopwatch() as clock:
        if isinstance(attack, TrainingControlledAttack) and attack.preparation():
            watcher = watch_controlled(watching, attack, clean_train, env, training.recipe.epochs)
            victim = Victim(
                build=lambda: new_model(dataset, training),
                recipe=training.recipe,
                watch=_look(clean_test, env, engine, training.recipe.epochs, watcher),
                checkpoint=checkpoint,
                observer=watcher.recorder if watcher else None,
            )
            made = attack.prepare_for(clean_train, clean_test, victim, env)
        else:
            made = _prepare(attack, clean_train, clean_test, replace(env, checkpoint=checkpoint))
    rows = watcher.keep(made.history, watch_folder) if watcher else made.history
    history = pd.DataFrame(rows or {"epoch": []})
    return made.networks, history, {**made.metrics, "seconds": clock.seconds}


def _prepare(attack: Attack, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:
    return attack.prepare(train, test, env) if attack.preparation() else Prepared()


def _look(test: ImageSet, env: AttackEnv, engine: Engine, epochs: int, watcher: Watcher | None) -> Look:
    def triggered(trigger: Trigger | None) -> PoisonedRows:
        assert trigger is not None
        return triggered_rows(test, trigger, env)

    return Look(env.trainer, test, triggered, engine.evaluate_every, epochs, watcher)
