"""What the stages of an attack share: the attack itself, what it may use, the model that it is after."""

from backdoor_pipeline.attacks import ATTACKS, Attack, AttackEnv
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.networks import Prepared
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.specs import AttackSpec, Training
from backdoor_pipeline.models import build_model, model_options
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Engine, Trainer


def attack_of(spec: AttackSpec) -> Attack:
    """The attack with its hyper-parameters."""
    return ATTACKS[spec.name](**spec.params)


def attack_env(
    spec: AttackSpec, dataset: DatasetSpec, engine: Engine, prepared: Prepared | None = None
) -> AttackEnv:
    """What this attack may use on this data set."""
    return AttackEnv(
        trainer=Trainer(engine, dataset.varied_by),
        label_map=LabelMap(spec.label_map, spec.target_label, dataset.num_classes),
        poison_ratio=spec.poison_ratio,
        seed=spec.seed,
        dataset=dataset,
        poison_target_class=spec.poison_target_class,
        prepared=prepared or Prepared(),
    )


def new_model(dataset: DatasetSpec, training: Training, seed: int | None = None) -> Classifier:
    """The victim's model with its initial weights, or, to be trained anew, with those of another seed.

    Of a model from elsewhere the former are its own, and the latter are none of them.
    """
    options = dict(training.options)
    if training.elsewhere and seed is not None:
        options["pretrained"] = None
    return build_model(
        training.model,
        **dataset.model_input,
        seed=training.seed if seed is None else seed,
        options=model_options(training.model, options),
    )
