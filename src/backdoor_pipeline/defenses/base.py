"""What a defense is handed, and what it gives back (P2)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from torch import Tensor

from backdoor_pipeline.base.registry import Method
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.data.texts import TextSet
from backdoor_pipeline.defenses.diagnostics import Diagnostics
from backdoor_pipeline.models.build import initialize
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.text_classifier import TextClassifier
from backdoor_pipeline.training import Trainer


@dataclass(frozen=True, slots=True)
class DefenderView:
    """All that a defender has: no poison flags, true labels, trigger, target class or test set.

    Its types are those of images, for which most defenses are; one for texts too sees `TextClassifier` and
    `TextSet`s, and uses what these have in common with images': `inputs`, `labels`, `subset`.

    Attributes:
        model: the suspect model, the defender's own copy: it may be changed in place.
        train: the training set as the defender received it, with the labels as given.
        clean: the small set that the defender trusts.
        trainer: the engine.
        seed: the experiment's seed; draw from `seeds.generator(seed, <defense>, <purpose>)`.
        build: a model with the weights that the victim's training began with, for a seed; None: random ones.
    """

    model: Classifier
    train: ImageSet
    clean: ImageSet
    trainer: Trainer
    seed: int
    build: Callable[[int], Classifier] | None = None

    def __post_init__(self) -> None:
        # HiddenKiller's triggered sentences, to one who looks: the paraphrases are the attacker's
        object.__setattr__(self, "train", _sentences_alone(self.train))
        object.__setattr__(self, "clean", _sentences_alone(self.clean))

    def new_model(self, seed: int) -> Classifier:
        """A model of the suspect's architecture with random weights of this seed, or pretrained ones."""
        if self.build:
            return self.build(seed)
        fresh = initialize(self.model.description, seed)
        if isinstance(self.model, TextClassifier):
            fresh.tokenizer_json = self.model.tokenizer_json.clone()
        return fresh


def _sentences_alone(samples: Any) -> Any:
    if not isinstance(samples, TextSet):
        return samples
    return replace(samples, texts=samples.texts.without_paraphrases())


@dataclass(frozen=True, slots=True)
class Clusters:
    """Each class in two clusters, of which a defense can only guess which one is poison.

    Attributes:
        classes: the class that a row was split in, int64, (N,).
        turned: the score that a row would have if the other cluster of its class were suspected, float, (N,).
    """

    classes: Tensor
    turned: Tensor


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a detecting defense holds against each training row; `evaluate` compares it with the truth.

    Attributes:
        scores: higher is more suspicious, float, (N,).
        flagged: blamed as poisoned, bool, (N,).
        clusters: of a defense that has to guess which of two clusters is poison.
    """

    scores: Tensor
    flagged: Tensor
    clusters: Clusters | None = None


@dataclass(frozen=True, slots=True)
class Defended:
    """What a defense gives back.

    Attributes:
        model: the repaired model, or the suspect one unchanged where the defense found no backdoor.
        metrics: its own diagnostics, such as anomaly indices.
        history: one row per epoch of its main training.
        suspicion: for defenses that blame training rows.
        diagnostics: what it shows of its work.
    """

    model: Classifier
    metrics: Mapping[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    suspicion: Suspicion | None = None
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


class Defense(Method, ABC):
    """A backdoor defense.

    Attributes:
        kinds: what the samples may be that it works on.
        why_images: what of images it cannot do without, if it is for these alone.
        budget: what fills the nulls among its parameters: `defending`, or `training` if what it trains is the
            victim's model anew.
        reads_train: whether it looks at the training set; else the model and the clean set are enough.
    """

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    why_images: ClassVar[str] = ""
    budget: ClassVar[Literal["defending", "training"]] = "defending"
    reads_train: ClassVar[bool] = False

    def require(self, model: Classifier) -> None:
        """See that a model has what this defense needs; by default any has.

        Args:
            model: its structure is looked at, not its weights: before any work starts it has none.

        Raises:
            UserError: it has not.
        """

    def require_images(self, train: int, clean: int) -> None:
        """See that there are images enough for this defense; by default any number will do.

        Args:
            train: how many are in the training set.
            clean: how many the defender trusts, at least one.

        Raises:
            UserError: there are not; said before any work starts.
        """

    @abstractmethod
    def defend(self, view: DefenderView) -> Defended:
        """Repair the suspect model, or train a sound one from the suspect data.

        Raises:
            UserError: the model lacks what this defense needs.
        """
