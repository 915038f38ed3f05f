"""The node that trains what an attacker needs before anything is poisoned."""

from dataclasses import replace
from typing import Any

import pandas as pd

from backdoor_pipeline.analysis.look import Look
from backdoor_pipeline.analysis.watching import watch_controlled
from backdoor_pipeline.attacks import AnyTrigger, Attack, AttackEnv
from backdoor_pipeline.attacks.control import TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Networks, NoNetworks, Prepared
from backdoor_pipeline.attacks.poisoning import triggered_rows, victims_of
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.catalog import Folders
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import VictimStage
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of, new_model
from backdoor_pipeline.pipelines.shared.notes import NotesFolder


def prepare_attacker(
    clean: Splits, stage: VictimStage, folders: Folders
) -> tuple[Networks, pd.DataFrame, dict[str, Any]]:
    """Train the attacker's own networks: a surrogate, an encoder, a generator; most attacks have none.

    Where the victim's model is trained with them, that is what is watched.

    Returns:
        The networks, the history of their training (one row per epoch), metrics.

    Raises:
        UserError: the attack cannot be: this is the first that is done for it.
    """
    spec = stage.poisoning.attack
    if spec is None:
        return NoNetworks(), pd.DataFrame({"epoch": []}), {"seconds": 0.0}
    attack, env = attack_of(spec), attack_env(spec, stage.dataset, stage.engine)
    victims_of(attack, clean.train, env, poison_target_class=spec.poison_target_class)
    with Stopwatch() as clock:
        if isinstance(attack, TrainingControlledAttack) and attack.preparation():
            made = _with_the_victim(attack, clean, stage, folders, env)
        else:
            made = _alone(attack, clean, replace(env, checkpoint=folders.checkpoint))
    history = pd.DataFrame(made.history or {"epoch": []})
    return made.networks, history, {**made.metrics, "seconds": clock.seconds}


def _alone(attack: Attack, clean: Splits, env: AttackEnv) -> Prepared:
    return attack.prepare(clean.train, clean.test, env) if attack.preparation() else Prepared()


def _with_the_victim(
    attack: TrainingControlledAttack, clean: Splits, stage: VictimStage, folders: Folders, env: AttackEnv
) -> Prepared:
    """Networks that are trained together with the victim's model, which they hold; its history is theirs."""

    def triggered(trigger: AnyTrigger | None) -> PoisonedRows:
        assert trigger is not None
        return triggered_rows(clean.test, trigger, env)

    recipe = stage.training.recipe
    watcher = watch_controlled(stage.watching, attack, clean.train, env, recipe.epochs)
    victim = Victim(
        build=lambda: new_model(stage.dataset, stage.training),
        recipe=recipe,
        watch=Look(env.trainer, clean.test, triggered, stage.engine.evaluate_every, recipe.epochs, watcher),
        checkpoint=folders.checkpoint,
        observer=watcher.recorder if watcher else None,
    )
    made = attack.prepare_for(clean.train, clean.test, victim, env)
    if not watcher:
        return made
    history, notes = watcher.part(made.history)
    NotesFolder(folders.notes).save(notes)
    return replace(made, history=history)
