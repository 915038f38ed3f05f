"""A victim's model, trained as `prepare`, `poison` and `train` do it, from checkpoint to checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from backdoor_pipeline.analysis.look import Look
from backdoor_pipeline.attacks import Attack, AttackEnv
from backdoor_pipeline.attacks.control import TrainingControlledAttack, Victim
from backdoor_pipeline.attacks.networks import Prepared
from backdoor_pipeline.attacks.poisoning import Poison, poison, triggered_rows
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.base.tensorfile import load_tensors
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.shared.attacking import attack_env, attack_of, new_model
from benchmarks.gpu.job import Job

CHECKPOINT, NETWORKS = "train.safetensors", "networks.safetensors"
MODEL = "model."  # what the names of its weights begin with in a checkpoint


@dataclass(frozen=True, slots=True)
class Scene:
    """One experiment up to its victim.

    Attributes:
        job: the task.
        experiment: what is trained.
        clean: the data.
    """

    job: Job
    experiment: Experiment
    clean: Splits

    @classmethod
    def of(cls, job: Job, attack: str, defense: str = NONE) -> "Scene":
        """The experiment with this attack and this defense."""
        experiment = job.size.experiment(attack, defense)
        return cls(job, experiment, job.clean(experiment))

    @property
    def attack(self) -> Attack | None:
        """The attack; None of the control."""
        spec = self.experiment.poisoning.attack
        return attack_of(spec) if spec else None

    def prepared(self) -> Prepared:
        """The attacker's networks, where he has any."""
        attack, train, test = self.attack, self.clean.train, self.clean.test
        if attack is None or attack.preparation() is None:
            return Prepared()
        env = self._env()
        if not isinstance(attack, TrainingControlledAttack):
            return attack.prepare(train, test, env)
        victim = self._victim(self._look(lambda trigger: triggered_rows(test, trigger, env)))
        return attack.prepare_for(train, test, victim, env)

    def poisoned(self, prepared: Prepared) -> Poison:
        """The poisoned set; of the control, nothing."""
        attack, spec = self.attack, self.experiment.poisoning.attack
        if attack is None or spec is None:
            nothing = PoisonedRows.empty(self.clean.train.image_shape)
            return Poison(nothing, nothing, NoTrigger())
        whom = spec.poison_target_class
        return poison(
            attack, self.clean.train, self.clean.test, self._env(prepared), poison_target_class=whom
        )

    def trained(self, prepared: Prepared, made: Poison) -> Classifier:
        """The victim's model; the training goes on from its checkpoint."""
        attack, look = self.attack, self._look(lambda _: made.test)
        victim = self._victim(look)
        if isinstance(attack, TrainingControlledAttack):
            return attack.train(self.clean.train, made.trigger, victim, self._env(prepared))[0]
        model, training = victim.build(), self.experiment.training
        self.job.trainer(self.experiment).fit(
            model,
            overlay(self.clean.train, made.train),
            training.recipe,
            seed=training.seed,
            on_epoch=look,
            checkpoint=victim.checkpoint,
        )
        return model

    def saved(self) -> tuple[Classifier, int]:
        """The victim's model of its last checkpoint, and the epochs that it was trained for.

        Raises:
            UserError: there is none.
        """
        file = self.job.weights(self.experiment.choices.attack) / CHECKPOINT
        if not file.exists():
            raise UserError(f"there is no {file}: run the piece `attacks` first.")
        tensors, facts = load_tensors(file)
        model = new_model(self.experiment.dataset, self.experiment.training)
        model.load_state_dict(
            {name.removeprefix(MODEL): one for name, one in tensors.items() if name.startswith(MODEL)}
        )
        return model, len(facts["history"])

    def _env(self, prepared: Prepared | None = None) -> AttackEnv:
        spec = self.experiment.poisoning.attack
        assert spec is not None
        env = attack_env(spec, self.experiment.dataset, self.experiment.engine, prepared)
        networks = self.job.weights(spec.name) / NETWORKS
        return replace(env, trainer=self.job.trainer(self.experiment), checkpoint=networks)

    def _look(self, triggered: Callable[[Any], PoisonedRows]) -> Look:
        trainer, every = self.job.trainer(self.experiment), self.experiment.engine.evaluate_every
        return Look(trainer, self.clean.test, triggered, every, self.experiment.training.recipe.epochs, None)

    def _victim(self, look: Look) -> Victim:
        experiment = self.experiment
        return Victim(
            build=lambda: new_model(experiment.dataset, experiment.training),
            recipe=experiment.training.recipe,
            watch=look,
            checkpoint=self.job.weights(experiment.choices.attack) / CHECKPOINT,
        )
