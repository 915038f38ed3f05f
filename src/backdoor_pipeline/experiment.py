"""An experiment: the user's choices, resolved into one specification per stage, checked before any work (P8).

What a stage's node receives is exactly what its artefacts are named by (P3): see `artifacts`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backdoor_pipeline.attacks import ATTACKS, Attack
from backdoor_pipeline.attacks.control import TrainingControlledAttack
from backdoor_pipeline.attacks.labels import LabelMapName
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.errors import UserError, unknown
from backdoor_pipeline.models import model_names, model_options
from backdoor_pipeline.registry import NONE, Method, Registry
from backdoor_pipeline.training import Engine, Recipe
from backdoor_pipeline.validation import check, check_names

Params = Mapping[str, Any]


class Spec(BaseModel):
    """Base of everything here: no unknown field, no change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Choices(Spec):
    """The top level of the parameters: what `--params` usually names."""

    dataset: str
    train_images: int | None = Field(ge=1)  # of every class in proportion; null: all
    model: str
    attack: str
    defense: str
    poison_ratio: float = Field(gt=0, lt=1)  # of the whole training set
    target_label: int = Field(ge=0)
    label_map: LabelMapName
    poison_target_class: bool  # dirty-label attacks also draw images that have the target label already
    clean_ratio: float = Field(gt=0, lt=1)  # of the clean training set: what the defender trusts
    seed: int = Field(ge=0)
    epochs: int | None = Field(ge=1)  # null: the data set's budget


class MethodSpec(Spec):
    """An attack or a defense, with every hyper-parameter spelled out."""

    name: str
    params: dict[str, Any]


class AttackSpec(MethodSpec):
    """An attack, whom it poisons and what it wants of them."""

    poison_ratio: float
    label_map: LabelMapName
    target_label: int | None  # None with all_to_all
    poison_target_class: bool
    seed: int


class Preparing(Spec):
    """What the attacker's own networks are made of, beside the data set.

    Of an attacker who trains the victim's model with them, that is the whole experiment up to the model.
    """

    name: str
    settings: dict[str, Any]
    attack: AttackSpec | None
    training: "Training | None"


class Poisoning(Spec):
    """What the poisoned set is made of, beside the data set and the attacker's networks."""

    attack: AttackSpec | None


class Training(Spec):
    """What the victim's model is made of."""

    model: str
    options: dict[str, Any]
    recipe: Recipe
    seed: int


class Defending(Spec):
    """What the defended model is made of."""

    defense: MethodSpec | None
    clean_ratio: float
    seed: int


class Watching(Spec):
    """What is noted while the victim's model is trained; the model is the same whatever that is.

    Attributes:
        forgetting: note for every sample whether it was answered right, as it is trained on.
        gradients: images of each kind whose gradients are taken; 0: none.
        every: epochs between looks at gradients and at the losses on the test sets.
    """

    forgetting: bool
    gradients: int = Field(ge=0)
    every: int = Field(ge=1)

    @property
    def on(self) -> bool:
        """Whether anything is watched."""
        return self.forgetting or self.gradients > 0


class Analyzing(Spec):
    """What the figures show."""

    sample_images: int = Field(ge=1, le=10)
    explained_images: int = Field(ge=1, le=8)
    shapley_cells: int = Field(ge=2, le=32)
    shapley_orders: int = Field(ge=1, le=1000)
    feature_images: int = Field(ge=10, le=20_000)
    tsne_perplexity: float = Field(ge=2, le=500)
    umap_neighbors: int = Field(ge=2, le=500)


class Aliases(Spec):
    """What others call a data set, a model, an attack or a defense, and what it is called here."""

    dataset: dict[str, str]
    model: dict[str, str]
    attack: dict[str, str]
    defense: dict[str, str]


class Reporting(Spec):
    """What a report across experiments is about; no part of any experiment."""

    where: dict[str, Any]
    sensitivity: str | None
    published: str | None
    aliases: Aliases


class Experiment(Spec):
    """One experiment: one `kedro run`, one MLflow run."""

    choices: Choices
    engine: Engine
    dataset: DatasetSpec
    preparing: Preparing
    poisoning: Poisoning
    training: Training
    defending: Defending
    watching: Watching
    analyzing: Analyzing


def resolve(params: Params) -> Experiment:
    """The experiment that these parameters ask for.

    Args:
        params: the parameters of `conf/`, with the command line's over them.

    Raises:
        UserError: anything unknown, misspelt, missing, of the wrong type or out of range.
    """
    check_names_of(params)
    return build_experiment(params)


def build_experiment(params: Params) -> Experiment:
    """As `resolve`, of parameters whose names and tables `check_names_of` has seen.

    Raises:
        UserError: anything unknown, of the wrong type or out of range among what this experiment uses.
    """
    choices = check(Choices, {name: params.get(name) for name in Choices.model_fields}, "")
    budget, dataset = _dataset(params["datasets"], choices)
    if choices.target_label >= dataset.num_classes:
        raise UserError(
            f"target_label {choices.target_label} is out of range: "
            f"{dataset.name} has the labels 0 to {dataset.num_classes - 1}."
        )
    defenses = _fill(params["defenses"].get(choices.defense) or {}, budget, choices.defense, "defending")
    attack, poisoning = _poisoning(choices, params, budget)
    training = _training(choices, params, budget, attack)
    return Experiment(
        choices=choices,
        engine=check(Engine, params["engine"], "engine"),
        dataset=dataset,
        preparing=_preparing(attack, poisoning, training),
        poisoning=poisoning,
        training=training,
        defending=Defending(
            defense=_method(DEFENSES, choices.defense, defenses),
            clean_ratio=choices.clean_ratio,
            seed=choices.seed,
        ),
        watching=_watching(params["watch"], budget),
        analyzing=check(Analyzing, params["analysis"], "analysis"),
    )


class _DatasetBlock(DatasetSpec):
    """A block of `datasets`: the facts, and the budget that `_fill` reads."""

    budget: dict[str, dict[str, Any]]


def check_names_of(params: Params) -> None:
    """Check the names of all parameters, of methods, models and data sets that are not used too.

    Raises:
        UserError: one is unknown or misspelt, or a table is none.
    """
    tables = {"datasets", "models", "attacks", "defenses", "training", "engine"}
    tables |= {"watch", "analysis", "report"}
    known = tables | set(Choices.model_fields)
    for name in params:
        if name not in known:
            raise unknown("parameter", name, known)
    for table in tables:
        if not isinstance(params.get(table), Mapping):
            raise UserError(f"'{table}' must be a table of parameters, not {params.get(table)!r}.")
    check(Reporting, params["report"], "report")
    for registry in (ATTACKS, DEFENSES):
        for name, block in params[f"{registry.kind}s"].items():
            check_names(registry[name], block or {}, f"{registry.kind}s.{name}")
    for name, options in params["models"].items():
        model_options(name, options or {})
    for name, facts in params["datasets"].items():
        check_names(_DatasetBlock, {"name": name, **facts}, f"datasets.{name}")


def _dataset(datasets: Params, choices: Choices) -> tuple[Params, DatasetSpec]:
    name = choices.dataset
    if name not in datasets:
        raise unknown("data set", name, datasets)
    block = datasets[name]
    return block.get("budget", {}), dataset_spec(name, {**block, "train_images": choices.train_images})


def dataset_spec(name: str, block: Params) -> DatasetSpec:
    """The facts in a block of `datasets`, its budget left aside.

    Raises:
        UserError: something is missing, misspelt or out of range.
    """
    facts = {key: value for key, value in block.items() if key != "budget"}
    return check(DatasetSpec, {"name": name, **facts}, f"datasets.{name}")


def _preparing(attack: Attack | None, poisoning: Poisoning, training: Training) -> Preparing:
    wanted = attack.preparation() if attack else None
    if wanted is None:
        return Preparing(name=NONE, settings={}, attack=None, training=None)
    joint = isinstance(attack, TrainingControlledAttack)
    return Preparing(
        name=wanted.name,
        settings=dict(wanted.settings),
        attack=poisoning.attack if joint else None,
        training=training if joint else None,
    )


def _poisoning(choices: Choices, params: Params, budget: Params) -> tuple[Attack | None, Poisoning]:
    if choices.attack == NONE:
        return None, Poisoning(attack=None)
    filled = _fill(params["attacks"].get(choices.attack) or {}, budget, choices.attack, "attacking")
    attack = check(ATTACKS[choices.attack], filled, f"attacks.{choices.attack}")
    if choices.label_map == "all_to_all" and not attack.all_to_all:
        raise UserError(f"{choices.attack} has one target class: use label_map:all_to_one.")
    spec = AttackSpec(
        name=choices.attack,
        params=attack.model_dump(mode="json"),
        poison_ratio=choices.poison_ratio,
        label_map=choices.label_map,
        target_label=choices.target_label if choices.label_map == "all_to_one" else None,
        poison_target_class=choices.poison_target_class,
        seed=choices.seed,
    )
    return attack, Poisoning(attack=spec)


def _training(choices: Choices, params: Params, budget: Params, attack: Attack | None) -> Training:
    if choices.model not in model_names():
        raise unknown("model", choices.model, model_names())
    recipe = {**params["training"], "epochs": choices.epochs}
    if isinstance(attack, TrainingControlledAttack):
        recipe |= attack.training.model_dump()
    return Training(
        model=choices.model,
        options=model_options(choices.model, params["models"].get(choices.model) or {}).model_dump(
            mode="json"
        ),
        recipe=check(Recipe, _fill(recipe, budget, "training", "training"), "training"),
        seed=choices.seed,
    )


def _watching(watch: Params, budget: Params) -> Watching:
    """Nulls take the data set's budget; where it has none, nothing is watched."""
    off = {"forgetting": False, "gradients": 0, "every": 1}
    asked = _fill(watch, budget, "watch", "watch")
    return check(Watching, off | {key: value for key, value in asked.items() if value is not None}, "watch")


def _method(registry: Registry[Any], name: str, params: Params) -> MethodSpec | None:
    if name == NONE:
        return None
    kind: type[Method] = registry[name]
    checked = check(kind, params, f"{registry.kind}s.{name}")
    return MethodSpec(name=name, params=checked.model_dump(mode="json"))


def _fill(params: Params, budget: Params, method: str, common: str) -> dict[str, Any]:
    """Nulls replaced by the data set's budget: first that of the method, then the one common to its kind."""
    allowance = {**budget.get(common, {}), **budget.get(method, {})}

    def filled(key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: filled(name, inner) for name, inner in value.items()}
        return allowance.get(key) if value is None else value

    return {key: filled(key, value) for key, value in params.items()}
