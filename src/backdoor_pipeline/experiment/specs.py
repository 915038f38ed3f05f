"""What an experiment is made of: one specification per stage.

What a stage's node receives is exactly what its artefacts are named by (P3): see `artifacts`.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from backdoor_pipeline.attacks.labels import LabelMapName
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.data.spec import AnySpec
from backdoor_pipeline.training import Engine, Recipe


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
    clean_ratio: float = Field(gt=0, le=1)  # of the clean training set: what the defender trusts
    seed: int = Field(ge=0)
    epochs: int | None = Field(ge=1)  # null: the data set's budget
    control: bool | None  # hold ASR against a clean model's; null: of texts. Resolved, it is not null


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


class Imported(Spec):
    """The data of somebody else's attack.

    Attributes:
        data: the folder that `kedro import poisoned` made; None: there are none.
    """

    data: str | None


class Poisoning(Spec):
    """What the poisoned set is made of, beside the data set and the attacker's networks.

    Attributes:
        attack: which is carried out here.
        imported: what somebody else's has left, in its place.
    """

    attack: AttackSpec | None
    imported: Imported | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What was not imported is named by nothing."""
        return {name: value for name, value in dump(self).items() if name != "imported" or value}


class Training(Spec):
    """What the victim's model is made of.

    Attributes:
        elsewhere: it was trained by somebody else: its first weights are its last.
    """

    model: str
    options: dict[str, Any]
    recipe: Recipe
    seed: int
    elsewhere: bool = False

    @model_serializer(mode="wrap")
    def _without_false(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is trained here is named by nothing more."""
        return {name: value for name, value in dump(self).items() if name != "elsewhere" or value}


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

    @classmethod
    def nothing(cls) -> "Watching":
        """That nothing is noted."""
        return cls(forgetting=False, gradients=0, every=1)

    @property
    def on(self) -> bool:
        """Whether anything is watched."""
        return self.forgetting or self.gradients > 0


FigureName = Literal[
    "samples", "training_curves", "learning", "gradients", "forgetting", "generalization", "defense",
    "confusion_before", "confusion_after", "grad_cam", "full_grad", "shapley", "frequency",
    "tsne", "umap", "activations", "tac", "stealth", "words_removed", "perplexity",
]  # fmt: skip
OF_TEXTS: tuple[FigureName, ...] = ("words_removed", "perplexity")  # images have none of these
OF_DEFENDED: tuple[FigureName, ...] = ("confusion_after",)  # nor has a model that nothing defended


class Analyzing(Spec):
    """What the figures show, and which of them are drawn."""

    figures: tuple[FigureName, ...]
    formats: tuple[Literal["pdf", "svg"], ...]
    titles: bool
    sample_images: int = Field(ge=1, le=10)
    explained_images: int = Field(ge=1, le=8)
    frequency_saliency: Literal["figure", "equations"]
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


class Scanning(Spec):
    """How a model and its training set are scanned; no part of any experiment."""

    trusted: int = Field(ge=2)
    significance: float = Field(gt=0, lt=1)
    rows: int = Field(ge=1, le=1000)


class Experiment(Spec):
    """One experiment: one `kedro run`, one MLflow run.

    Attributes:
        manifest: the digest of the data set's files; empty if they are not there.
        control: what the clean model is made of that ASR is held against; None: there is none.
    """

    choices: Choices
    engine: Engine
    dataset: AnySpec
    manifest: str
    preparing: Preparing
    poisoning: Poisoning
    training: Training
    defending: Defending
    watching: Watching
    analyzing: Analyzing
    control: Training | None = None

    def without_attack(self) -> "Experiment":
        """That of the control, which must be there, up to its training: what `attack: none` comes to."""
        assert self.control is not None
        return self.model_copy(
            update={
                "preparing": Preparing(name=NONE, settings={}, attack=None, training=None),
                "poisoning": Poisoning(attack=None),
                "training": self.control,
                "control": None,
            }
        )
