"""From parameters to an experiment: one specification per stage, checked before any work (P8)."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from backdoor_pipeline.attacks import ATTACKS, Attack
from backdoor_pipeline.attacks.control import TrainingControlledAttack
from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.base.memo import Memo
from backdoor_pipeline.base.registry import IMPORTED, NONE, MethodT, Registry
from backdoor_pipeline.data.manifest import Manifest
from backdoor_pipeline.data.spec import SPECS, DatasetSpec, ImageSpec, Kind, TextSpec, kind_of
from backdoor_pipeline.defenses import DEFENSES, Defense
from backdoor_pipeline.experiment.budget import Budget
from backdoor_pipeline.experiment.feasible import see_that_the_target_is_a_class, with_feasible_ratio
from backdoor_pipeline.experiment.kinds import MadeFor, made_for, misfit
from backdoor_pipeline.experiment.parameter_names import check_names_of
from backdoor_pipeline.experiment.recipes import with_recipes
from backdoor_pipeline.experiment.specs import (
    OF_DEFENDED,
    OF_TEXTS,
    Analyzing,
    AttackSpec,
    Choices,
    Defending,
    Experiment,
    Imported,
    MethodSpec,
    Poisoning,
    Preparing,
    Training,
    Watching,
)
from backdoor_pipeline.experiment.validation import check
from backdoor_pipeline.models import AnyDescription, Classifier, model_names, model_options
from backdoor_pipeline.models.build import describe_model, skeleton
from backdoor_pipeline.models.factories import admit
from backdoor_pipeline.models.files import DESCRIPTION
from backdoor_pipeline.models.registry import PLAIN
from backdoor_pipeline.training import Engine, Recipe

Params = Mapping[str, Any]
Survey = Callable[[DatasetSpec], Manifest | None]


def unseen(_: DatasetSpec) -> None:
    """The survey of a data set that is not looked at."""


def resolve(params: Params, survey: Survey = unseen, *, ratio_given: bool = True) -> Experiment:
    """The experiment that these parameters ask for.

    Args:
        params: the parameters of `conf/`, with the command line's over them.
        survey: says what a data set consists of; None if it is not there.
        ratio_given: whether somebody has asked for this `poison_ratio`; else it may be lowered, see
            `with_feasible_ratio`.

    Raises:
        UserError: anything unknown, misspelt, missing, of the wrong type or out of range.
    """
    check_names_of(params)
    return build_experiment(params, survey, ratio_given=ratio_given)


def build_experiment(
    params: Params, survey: Survey = unseen, *, ratio_given: bool = True, memo: Memo | None = None
) -> Experiment:
    """As `resolve`, of parameters whose names and tables `check_names_of` has seen.

    Args:
        params: see `resolve`.
        survey: likewise.
        ratio_given: likewise.
        memo: of what experiments have in common whose parameters share tables, as those of a sweep do.

    Raises:
        UserError: anything unknown, of the wrong type or out of range among what this experiment uses.
    """
    memo = memo or Memo()
    memo.of(admit, params["models"])
    choices = check(Choices, {name: params.get(name) for name in Choices.model_fields}, "")
    budget, dataset = memo.of(
        _dataset, choices.dataset, choices.train_images, params["datasets"], params["budget"]
    )
    see_that_the_target_is_a_class(choices.target_label, dataset.num_classes, dataset.name)
    manifest = survey(dataset)
    if manifest and not ratio_given:
        choices = with_feasible_ratio(choices, dataset, manifest)
    kind = dataset.kind_of_samples
    _see_that_kinds_agree(choices, kind, memo.of(made_for, kind))
    choices = choices.model_copy(
        update={
            "control": _is_controlled(choices, kind),
            "poison_target_class": choices.poison_target_class or _no_class_is_spared(choices),
        }
    )
    attack, poisoning = _poisoning(choices, params, budget, memo)
    training = _training(choices, params, budget, attack)
    defending = _defending(choices, params, budget, memo)
    if defending.defense:
        _see_that_it_suits(defending.defense, describe(dataset, training))
    return Experiment(
        choices=choices,
        engine=memo.of(check, Engine, params["engine"], "engine"),
        dataset=dataset,
        manifest=manifest.content if manifest else "",
        preparing=_preparing(attack, poisoning, training),
        poisoning=poisoning,
        training=training,
        defending=defending,
        watching=Watching.nothing()
        if training.elsewhere
        else memo.of(_watching, params["watch"], budget, kind),
        analyzing=memo.of(_analyzing, params["analysis"], kind, choices.defense == NONE),
        control=_training(choices.model_copy(update={"attack": NONE}), params, budget, None)
        if choices.control
        else None,
    )


def _is_controlled(choices: Choices, kind: Kind) -> bool:
    """Whether a clean model is asked, too: what a trigger does to a sentence may mislead it as well."""
    if choices.attack in (NONE, IMPORTED):
        return False
    return kind == "text" if choices.control is None else choices.control


def _no_class_is_spared(choices: Choices) -> bool:
    """Whether `poison_target_class` changes nothing, and so names no artefact otherwise than by default.

    A clean-label attack has no other class to poison, some attacks never poison the target's own, and all to
    all changes every label.
    """
    if choices.attack in (NONE, IMPORTED):
        return False
    attack = ATTACKS[choices.attack]
    return choices.label_map == "all_to_all" or attack.clean_label or attack.other_classes_only


def _dataset(
    name: str, train_images: int | None, datasets: Params, common: Params
) -> tuple[Budget, ImageSpec | TextSpec]:
    if name not in datasets:
        raise unknown("data set", name, datasets)
    block = datasets[name]
    budget = Budget.of(common, block.get("budget", {}))
    return budget, dataset_spec(name, {**block, "train_images": train_images})


def dataset_spec(name: str, block: Params) -> ImageSpec | TextSpec:
    """The facts in a block of `datasets`, its budget left aside.

    Raises:
        UserError: something is missing, misspelt or out of range.
    """
    facts = {key: value for key, value in block.items() if key != "budget"}
    return check(SPECS[kind_of(dict(block))], {"name": name, **facts}, f"datasets.{name}")


def _see_that_kinds_agree(choices: Choices, kind: Kind, suitable: MadeFor) -> None:
    """See that attack, defense and model are made for images, or for texts, as the data set's samples are.

    Raises:
        UserError: one is not; the sentence names those that are.
    """
    for asked, (known, fitting) in suitable.items():
        name = getattr(choices, asked)
        if name in known and name not in fitting:
            raise misfit(asked, name, kind, fitting, f"data set '{choices.dataset}'")


def _preparing(attack: Attack | None, poisoning: Poisoning, training: Training) -> Preparing:
    wanted = attack.preparation() if attack else None
    if wanted is None:
        return Preparing(name=NONE, settings={}, attack=None, training=None)
    joint = isinstance(attack, TrainingControlledAttack)
    return Preparing(
        name=wanted.name,
        settings={**wanted.settings, **({"revision": wanted.revision} if wanted.revision else {})},
        attack=poisoning.attack if joint else None,
        training=training if joint else None,
    )


def _poisoning(
    choices: Choices, params: Params, budget: Budget, memo: Memo
) -> tuple[Attack | None, Poisoning]:
    if choices.attack == NONE:
        return None, Poisoning(attack=None)
    if choices.attack == IMPORTED:
        return None, Poisoning(attack=None, imported=check(Imported, params["imported"], "imported"))
    attack = method(ATTACKS, choices.attack, params, budget, "attacking", memo)
    if choices.label_map == "all_to_all" and not attack.all_to_all:
        raise UserError(f"{choices.attack} has one target class: use label_map:all_to_one.")
    spec = AttackSpec(
        name=choices.attack,
        params=attack.model_dump(mode="json"),
        poison_ratio=choices.poison_ratio,
        label_map=choices.label_map,
        target_label=choices.target_label if choices.label_map == "all_to_one" else None,
        poison_target_class=choices.poison_target_class and not attack.other_classes_only,
        seed=choices.seed,
    )
    return attack, Poisoning(attack=spec)


def _training(choices: Choices, params: Params, budget: Budget, attack: Attack | None) -> Training:
    if choices.model not in model_names():
        raise unknown("model", choices.model, model_names())
    recipe, whose = {**params["recipe"], **params["training"]}, "training"
    if choices.epochs is not None:
        recipe["epochs"] = choices.epochs
    if isinstance(attack, TrainingControlledAttack):
        recipe |= attack.schedule()
        whose = choices.attack
    options = model_options(choices.model, params["models"].get(choices.model, PLAIN) or {})
    elsewhere = choices.attack == IMPORTED
    if elsewhere and options.pretrained is None:
        raise UserError(
            f"attack 'imported' takes a model as it is: give its file to models.{choices.model}.pretrained; "
            "`kedro import model` makes such a file."
        )
    return Training(
        model=choices.model,
        options=options.model_dump(mode="json"),
        recipe=check(Recipe, budget.fill(recipe, whose, "training"), "training"),
        seed=choices.seed,
        elsewhere=elsewhere,
    )


def _watching(watch: Params, budget: Budget, kind: Kind) -> Watching:
    """Nulls take the budget; where it says nothing, nothing is watched."""
    off = Watching.nothing().model_dump()
    asked = budget.fill(watch, "watch", "watch")
    watching = check(
        Watching, off | {key: value for key, value in asked.items() if value is not None}, "watch"
    )
    if watching.gradients and kind == "text":
        raise UserError(
            "watch.gradients takes gradients of images, and there are none of texts: set it to 0."
        )
    return watching if watching.on else Watching.nothing()  # how often, then, changes nothing


def _analyzing(analysis: Params, kind: Kind, undefended: bool) -> Analyzing:
    """Of images without the figures that are of words; without a defense, without those of its model."""
    analyzing = check(Analyzing, analysis, "analysis")
    absent = {*(OF_TEXTS if kind != "text" else ()), *(OF_DEFENDED if undefended else ())}
    figures = tuple(name for name in analyzing.figures if name not in absent)
    return analyzing.model_copy(update={"figures": figures})


def _defending(choices: Choices, params: Params, budget: Budget, memo: Memo) -> Defending:
    spec, name = None, choices.defense
    if name != NONE:
        defense = method(DEFENSES, name, params, budget, DEFENSES[name].budget, memo)
        spec = MethodSpec(name=name, params=defense.model_dump(mode="json"))
    return Defending(defense=spec, clean_ratio=choices.clean_ratio, seed=choices.seed)


def _see_that_it_suits(defense: MethodSpec, model: AnyDescription) -> None:
    objection = _objection(defense.model_dump_json(), model.model_dump_json())
    if objection:
        raise UserError(objection)


@cache
def _objection(defense: str, model: str) -> str | None:
    """What this defense has against this model, both as JSON: a sweep asks the same thousands of times."""
    spec = MethodSpec.model_validate_json(defense)
    try:
        DEFENSES[spec.name].model_validate(spec.params).require(_skeleton(model))
    except UserError as error:
        return str(error)
    return None


@cache
def _skeleton(description: str) -> Classifier:
    return skeleton(DESCRIPTION.validate_json(description))


def describe(dataset: DatasetSpec, training: Training) -> AnyDescription:
    """The victim's model."""
    return describe_model(
        training.model,
        **dataset.model_input,
        options=model_options(training.model, training.options),
    )


def defense_of(name: str, params: Params) -> Defense:
    """A defense with the hyper-parameters that these parameters, and the budget of their data set, give it.

    Args:
        name: its name.
        params: as `resolve` takes them.

    Raises:
        UserError: it is not known, or something in its block is not.
    """
    choices = check(Choices, {field: params.get(field) for field in Choices.model_fields}, "")
    budget, _ = _dataset(choices.dataset, choices.train_images, params["datasets"], params["budget"])
    return method(DEFENSES, name, params, budget, DEFENSES[name].budget)


def method(
    registry: Registry[MethodT],
    name: str,
    params: Params,
    budget: Budget,
    common: str,
    memo: Memo | None = None,
) -> MethodT:
    """The attack or the defense of that name, its recipes and nulls filled.

    Args:
        registry: of attacks or of defenses.
        name: the method's.
        params: with its block, and the common `recipe`.
        budget: what fills nulls.
        common: the budget's block for methods of this kind.
        memo: see `build_experiment`.

    Raises:
        UserError: it is not known, or something in its block is not.
    """
    block = params[f"{registry.kind}s"].get(name)
    return (memo or Memo()).of(_filled, registry, name, block, params["recipe"], budget, common)


def _filled(
    registry: Registry[MethodT], name: str, block: Params | None, recipe: Params, budget: Budget, common: str
) -> MethodT:
    kind = registry[name]
    whole = with_recipes(kind, block or {}, recipe)
    return check(kind, budget.fill(whole, name, common), f"{registry.kind}s.{name}")
