"""A clean model of the attacker's own, for attacks that perturb images by gradients."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.pgd import PGD, perturb
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.metrics.accuracy import clean_accuracy
from backdoor_pipeline.models import Classifier, ModelDescription, build_model, model_options
from backdoor_pipeline.models.build import initialize
from backdoor_pipeline.models.registry import architecture
from backdoor_pipeline.training import Batch, Objective, Recipe, cross_entropy


class SurrogateNetworks(Networks):
    """Holds the surrogate.

    Args:
        description: a `ModelDescription`, as JSON holds it.
    """

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description=description)
        # weights that are replaced at once
        self.classifier = initialize(ModelDescription.model_validate(description), seed=0)

    @classmethod
    def of(cls, classifier: Classifier) -> "SurrogateNetworks":
        """The networks that hold this classifier itself."""
        networks = cls(classifier.description.model_dump(mode="json"))
        networks.classifier = classifier
        return networks


@dataclass(frozen=True, slots=True)
class AdversarialCrossEntropy:
    """PGD adversarial training (Madry et al., 2018): the cross-entropy of the worst images nearby.

    They are found in evaluation mode. In training mode every step of the search would move BatchNorm's
    running statistics, which are to describe the images trained on, and would couple the images of a batch.

    Attributes:
        pgd: how near.
    """

    pgd: PGD

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `Objective`."""
        model.eval()
        images = perturb(model, batch.inputs, batch.labels, self.pgd, random_start=True)
        logits: Tensor = model.train()(images)
        batch.report(logits)
        return F.cross_entropy(logits.float(), batch.labels)


class Surrogate(BaseModel):
    """The surrogate's settings. Attacks whose surrogates agree share one, over all experiment seeds.

    Attributes:
        model: its architecture.
        recipe: of its training.
        adversarial: train it adversarially, at 1 + `perturbation.steps` times the cost: perturbations found
            on a robust model look more like other classes and harm more models (Turner et al., 2019).
        perturbation: of adversarial training.
        seed: of its weights and its training, instead of the experiment's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    recipe: Recipe
    adversarial: bool
    perturbation: PGD
    seed: int = Field(ge=0)

    @field_validator("model")
    @classmethod
    def _known(cls, name: str) -> str:
        architecture(name)
        return name

    def preparation(self) -> Preparation:
        """What decides the surrogate; `perturbation` does only if it is used."""
        unused = set() if self.adversarial else {"perturbation"}
        robust = "-robust" if self.adversarial else ""
        return Preparation(f"surrogate-{self.model}{robust}", self.model_dump(mode="json", exclude=unused))

    def train(self, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:
        """Train it on the clean training set; see `Attack.prepare`."""
        classifier = self._build(env.dataset)
        objective: Objective = (
            AdversarialCrossEntropy(self.perturbation) if self.adversarial else cross_entropy
        )
        history = env.trainer.fit(
            classifier,
            train,
            self.recipe,
            seed=self.seed,
            purpose="surrogate",
            objective=objective,
            checkpoint=env.checkpoint,
        )
        accuracy = clean_accuracy(env.trainer.predict(classifier, test.images), test.labels)
        return Prepared(SurrogateNetworks.of(classifier.eval()), history, {"surrogate_accuracy": accuracy})

    def _build(self, dataset: DatasetSpec) -> Classifier:
        offered = architecture(self.model).options.model_fields
        wanted = {"pretrained": None, "stem": "small"}
        return build_model(
            self.model,
            **dataset.model_input,
            # a seed apart: a victim of equal seed must not start from the surrogate's very weights
            seed=derive_seed(self.seed, "surrogate"),
            options=model_options(
                self.model, {name: value for name, value in wanted.items() if name in offered}
            ),
        )


def surrogate_of(env: AttackEnv) -> Classifier:
    """The trained surrogate, on the CPU and in evaluation mode."""
    networks = env.prepared.networks
    assert isinstance(networks, SurrogateNetworks)
    return networks.classifier
