"""Spectral signatures: within its class, poison lies far out along the direction of largest variance."""

import logging
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.detecting import Detector, Finding, named
from backdoor_pipeline.defenses.parts.exceedance import beyond
from backdoor_pipeline.defenses.parts.retraining import removal, retrain_without
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import Recipe

MARGIN = 1.5  # the paper's: rows removed for each one that is expected to be poisoned

logger = logging.getLogger(__name__)


class SpectralSignatures(Defense, Detector):
    """Remove the rows of each class with the largest outlier scores, and train anew.

    (Tran, Li and Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018, algorithm 1.) The paper
    centers a class's features on their mean, which half a class of poison draws into the middle between
    poisoned and clean rows. The mean of the trusted images of the class, not in the paper, stays where clean
    rows are.
    """

    name: ClassVar[str] = "spectral"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "text"})
    budget: ClassVar[Literal["defending", "training"]] = "training"
    reads_train: ClassVar[bool] = True

    center: Literal["class", "trusted"]
    percentile: float = Field(ge=0, lt=100)
    assumed_ratio: float | None = Field(gt=0, lt=1)
    recipe: Recipe

    def require_images(self, train: int, clean: int) -> None:  # noqa: ARG002
        """See `Defense.require_images`: some that stay."""
        if self.assumed_ratio is None and self._removed(train, train) == train:
            raise UserError(
                f"spectral: percentile {self.percentile:g} removes all of {train:,} samples: raise it."
            )

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`.

        Raises:
            UserError: all rows are removed, of classes this small.
        """
        features, trusted = (
            penultimate(view.trainer, view.model, data.inputs) for data in (view.train, view.clean)
        )
        suspicion = self.inspect(features, view.train.labels, trusted, view.clean.labels)
        metrics = removal(suspicion.flagged, self.name)
        metrics["classes_halved"] = float(self._halved(view.train.labels))
        model, history = retrain_without(suspicion.flagged, view, self.recipe, self.name)
        return Defended(model, metrics, history, suspicion)

    def detect(self, view: DefenderView, significance: float) -> Finding:
        """See `Detector.detect`.

        Alarm where more rows of a class lie beyond all its trusted images, at one end of the direction of
        largest variance, than chance allows (ours: the paper removes rows of every class, and leaves open
        whether there is a backdoor). Rows and trusted images make that direction together: one that fits the
        rows alone would stretch them, poisoned or not.
        """
        features, trusted = (
            penultimate(view.trainer, view.model, data.inputs) for data in (view.train, view.clean)
        )
        labels, level = view.train.labels, significance / len(view.clean.classes)
        scores, flagged, chances = torch.zeros(len(labels)), torch.zeros(len(labels), dtype=torch.bool), {}
        for label in labels.unique().tolist():
            rows = (labels == label).nonzero().squeeze(1)
            places, known = outward(features[rows], trusted[view.clean.labels == label])
            scores[rows], chances[label] = places, min(1.0, 2 * beyond(places, known)[1])  # of two ends
            if chances[label] < level:
                flagged[rows] = places > known.max()
        return self._finding(Suspicion(scores, flagged), chances, level, view)

    def _finding(
        self, suspicion: Suspicion, chances: dict[int, float], level: float, view: DefenderView
    ) -> Finding:
        count = int(suspicion.flagged.sum())
        blamed = named([label for label, chance in chances.items() if chance < level], view.clean.classes)
        return Finding(
            suspicious=count > 0,
            says=f"{blamed}: {count} rows beyond all clean images" if count
            else "no class has more rows beyond its clean images than chance allows",
            sure=f"by chance {min(chances.values(), default=1.0):.2g}, alarm below {level:.2g}",
            suspicion=suspicion,
        )  # fmt: skip

    def inspect(self, features: Tensor, labels: Tensor, trusted: Tensor, trusted_labels: Tensor) -> Suspicion:
        """Score every row within its class, and flag the highest.

        Args:
            features: of the training set, float, (N, D).
            labels: as given, int64, (N,).
            trusted: of the clean set, float, (M, D); a class without any is centered on its own mean.
            trusted_labels: int64, (M,).
        """
        scores = torch.zeros(len(labels))
        flagged = torch.zeros(len(labels), dtype=torch.bool)
        for label in labels.unique():
            rows = (labels == label).nonzero().squeeze(1)
            known = trusted[trusted_labels == label] if self.center == "trusted" else trusted[:0]
            scores[rows] = outlier_scores(features[rows], (known if len(known) else features[rows]).mean(0))
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

    def _halved(self, labels: Tensor) -> int:
        """Of how many classes the assumed ratio asks for more than half; a warning if it does."""
        if self.assumed_ratio is None:
            return 0
        asked, sizes = round(MARGIN * self.assumed_ratio * len(labels)), labels.bincount()
        halved = int((asked > sizes[sizes > 0] // 2).sum())
        if halved:
            logger.warning(
                "spectral: assumed_ratio %g asks for %d rows of every class, more than half of %d of the %d "
                "classes, of which half is removed: lower it, or leave it null for percentile %g",
                self.assumed_ratio, asked, halved, int((sizes > 0).sum()), self.percentile,
            )  # fmt: skip
        return halved


def outlier_scores(features: Tensor, center: Tensor) -> Tensor:
    """Squared projections of the centered features on their top right-singular vector: float32, (n,).

    Args:
        features: float, (n, D), of one class.
        center: float, (D,), the paper's: their mean.
    """
    centered = (features - center).double()
    return ((centered @ top_direction(centered)) ** 2).float()


def outward(features: Tensor, trusted: Tensor) -> tuple[Tensor, Tensor]:
    """Where rows and trusted images of one class lie along their common direction of largest variance.

    Args:
        features: float, (n, D).
        trusted: float, (m, D).

    Returns:
        Places, float32, (n,) and (m,): the end at which more rows lie beyond all trusted images is the upper.
    """
    together = torch.cat([features, trusted]).double()
    centered = together - together.mean(0)
    places = (centered @ top_direction(centered)).float()
    rows, known = places[: len(features)], places[len(features) :]
    upper, lower = beyond(rows, known)[0], beyond(-rows, -known)[0]
    return (rows, known) if upper >= lower else (-rows, -known)


def top_direction(centered: Tensor) -> Tensor:
    """The top right-singular vector of centered features (float64, (n, D)): (D,)."""
    gram = centered.T @ centered  # its eigenvectors are the right-singular vectors, cheaper than by an SVD
    direction: Tensor = torch.linalg.eigh(gram).eigenvectors[:, -1]
    return direction
