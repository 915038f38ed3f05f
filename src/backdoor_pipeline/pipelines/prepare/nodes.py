"""The node that trains what an attacker needs before anything is poisoned."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from backdoor_pipeline.attacks import Attack, AttackEnv, Trigger
from backdoor_pipeline.attacks.control import TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, NoNetworks, Prepared
from backdoor_pipeline.attacks.poisoning import triggered_rows, victims_of
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment import Poisoning, Training
from backdoor_pipeline.pipelines.attacking import attack_env, attack_of, new_model
from backdoor_pipeline.pipelines.scoring import score
from backdoor_pipeline.timing import Stopwatch
from backdoor_pipeline.training import Engine


def prepare_attacker(
    clean_train: ImageSet,
    clean_test: ImageSet,
    dataset: DatasetSpec,
    poisoning: Poisoning,
    training: Training,
    engine: Engine,
    checkpoints: Path,
) -> tuple[Networks, pd.DataFrame, dict[str, Any]]:
    """Train the attacker's own networks: a surrogate, an encoder, a generator; most attacks have none.

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
    with Stopwatch() as clock:
        if isinstance(attack, TrainingControlledAttack) and attack.preparation():
            victim = Victim(
                build=lambda: new_model(dataset, training),
                recipe=training.recipe,
                watch=_watch(clean_test, env, engine, training.recipe.epochs),
                checkpoint=checkpoint,
            )
            made = attack.prepare_for(clean_train, clean_test, victim, env)
        else:
            made = _prepare(attack, clean_train, clean_test, replace(env, checkpoint=checkpoint))
    history = pd.DataFrame(made.history or {"epoch": []})
    return made.networks, history, {**made.metrics, "seconds": clock.seconds}


def _prepare(attack: Attack, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:
    return attack.prepare(train, test, env) if attack.preparation() else Prepared()


def _watch(test: ImageSet, env: AttackEnv, engine: Engine, epochs: int) -> Any:
    def watch(epoch: int, model: nn.Module, trigger: Trigger) -> Mapping[str, float]:
        if epoch % engine.evaluate_every and epoch != epochs:
            return {}
        rows = triggered_rows(test, trigger, env)
        return score(env.trainer, model, test, rows).model_dump(exclude_none=True)

    return watch
