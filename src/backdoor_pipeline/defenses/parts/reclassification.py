"""Exclusionary reclassification: what a model that never saw some rows makes of them (AC's paper)."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.parts.retraining import retrain_without
from backdoor_pipeline.training import Recipe


@dataclass(frozen=True, slots=True)
class Reclassified:
    """Rows of one class that were kept from a model, as that model classifies them.

    Attributes:
        rows: how many.
        as_labeled: l: so many get the label that they were given.
        as_other: p: so many get the label that most of the others get, that of the poison's source.
    """

    rows: int
    as_labeled: int
    as_other: int

    @classmethod
    def of(cls, predicted: Tensor, label: int) -> "Reclassified":
        """From the labels that the model gives, int64, (n,), and the one that was given."""
        others = predicted[predicted != label]
        most = int(others.bincount().max()) if len(others) else 0
        return cls(len(predicted), len(predicted) - len(others), most)

    def poisonous(self, threshold: float) -> bool:
        """Whether l / p is below the threshold T: legitimate rows are recognized without having been seen."""
        return self.as_labeled < threshold * self.as_other


def reclassify(suspects: Tensor, view: DefenderView, recipe: Recipe, purpose: str) -> dict[int, Reclassified]:
    """The suspects of every class that has some, classified by a new model trained without any of them.

    Args:
        suspects: bool, (N,), rows of the training set.
        view: see `retrain_without`.
        recipe: of the training.
        purpose: the defense.
    """
    judge, _ = retrain_without(suspects, view, recipe, purpose)
    tried = view.train.subset(suspects.nonzero().squeeze(1))
    predicted = view.trainer.predict(judge, tried.inputs)
    labels = tried.labels.unique().tolist()
    return {label: Reclassified.of(predicted[tried.labels == label], label) for label in labels}


def shares(tried: Mapping[int, Reclassified]) -> dict[str, list[float]]:
    """Of each class's suspects, how many got their label back, and how many one other."""
    return {
        "suspects_as_labeled": [one.as_labeled / one.rows for one in tried.values()],
        "suspects_as_another": [one.as_other / one.rows for one in tried.values()],
    }
