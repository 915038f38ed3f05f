"""Spectral signatures: within its class, poison lies far out along the direction of largest variance."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.parts.retraining import retrain_without
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import Recipe

MARGIN = 1.5  # the paper's: rows removed for each one that is expected to be poisoned


class SpectralSignatures(Defense):
    """Remove the rows of each class with the largest outlier scores, and train anew.

    (Tran, Li and Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018, algorithm 1.)
    """

    name: ClassVar[str] = "spectral"

    percentile: float = Field(ge=0, lt=100)
    assumed_ratio: float | None = Field(gt=0, lt=1)
    recipe: Recipe

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        features = penultimate(view.trainer, view.model, view.train.images)
        suspicion = self.inspect(features, view.train.labels)
        model, history = retrain_without(suspicion.flagged, view, self.recipe, self.name)
        metrics = {"rows_removed": float(suspicion.flagged.sum())}
        return Defended(model, metrics, history, suspicion)

    def inspect(self, features: Tensor, labels: Tensor) -> Suspicion:
        """Score every row within its class, and flag the highest.

        Args:
            features: float, (N, D).
            labels: as given, int64, (N,).
        """
        scores = torch.zeros(len(labels))
        flagged = torch.zeros(len(labels), dtype=torch.bool)
        for label in labels.unique():
            rows = (labels == label).nonzero().squeeze(1)
            scores[rows] = outlier_scores(features[rows])
            flagged[rows[scores[rows].topk(self._removed(len(rows), len(labels))).indices]] = True
        return Suspicion(scores, flagged)

    def _removed(self, rows: int, of: int) -> int:
        """How many rows of a class to remove.

        By the paper 1.5 times the expected number of poisoned rows, from every class since each may be the
        target; never more than half of a class, whose larger part is taken to be clean.
        """
        if self.assumed_ratio is None:
            return round((1 - self.percentile / 100) * rows)
        return min(round(MARGIN * self.assumed_ratio * of), rows // 2)


def outlier_scores(features: Tensor) -> Tensor:
    """Squared projections of the centered features on their top right-singular vector: float32, (n,).

    Args:
        features: float, (n, D), of one class.
    """
    centered = (features - features.mean(0)).double()
    gram = centered.T @ centered  # its eigenvectors are the right-singular vectors, cheaper than by an SVD
    direction: Tensor = torch.linalg.eigh(gram).eigenvectors[:, -1]
    return ((centered @ direction) ** 2).float()
