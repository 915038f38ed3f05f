"""Activation clustering (AC): in the target class, what the model sees falls into two groups."""

import logging
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics
from backdoor_pipeline.defenses.parts.clustering import Array, Split, split_in_two
from backdoor_pipeline.defenses.parts.retraining import retrain_without
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import Recipe

logger = logging.getLogger(__name__)


class ActivationClustering(Defense):
    """Split the features of each class in two, remove the suspect part where that convinces, and train anew.

    The paper suspects the smaller cluster, and is convinced by its `size` or by the clusters' `silhouette`.
    That errs once poison is most of its class: 10 % poison outnumber the clean rows of one class in ten. The
    rule `trusted`, not in the paper, suspects the cluster that the trusted images of the class avoid, is
    convinced if few enough are there and that is no chance, and then splits the rest again, since poison may
    be several groups.

    (Chen et al., "Detecting Backdoor Attacks on Deep Neural Networks by Activation Clustering", 2018.)
    """

    name: ClassVar[str] = "ac"

    dimensions: int = Field(ge=1)
    reduction: Literal["ica", "pca"]
    rule: Literal["trusted", "size", "silhouette"]
    avoidance: float = Field(ge=0, lt=1)
    significance: float = Field(gt=0, lt=1)
    size_threshold: float = Field(gt=0, le=0.5)
    silhouette_threshold: float = Field(ge=-1, le=1)
    recipe: Recipe

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`; where no class convinces, the model is given back unchanged."""
        features, trusted = (
            penultimate(view.trainer, view.model, data.images) for data in (view.train, view.clean)
        )
        suspicion, splits = self.inspect(features, view.train.labels, trusted, view.clean.labels, view.seed)
        removed = int(suspicion.flagged.sum())
        classes = int(view.train.labels[suspicion.flagged].unique().numel())
        metrics = {"rows_removed": float(removed), "classes_flagged": float(classes)}
        diagnostics = Diagnostics(_curve(splits))
        if not removed:
            logger.info("ac: no class looks poisoned, so the model stays as it is")
            return Defended(view.model, metrics, suspicion=suspicion, diagnostics=diagnostics)
        model, history = retrain_without(suspicion.flagged, view, self.recipe, self.name)
        return Defended(model, metrics, history, suspicion, diagnostics)

    def inspect(
        self, features: Tensor, labels: Tensor, trusted: Tensor, trusted_labels: Tensor, seed: int
    ) -> tuple[Suspicion, dict[int, Split]]:
        """Every row within its class.

        A row's score is its silhouette in the last split that it was part of, negative outside the suspect
        cluster, and 1 more if it is flagged; 0 in classes too small to be split.

        Args:
            features: of the training set, float, (N, D).
            labels: as given, int64, (N,).
            trusted: of the clean set, float, (M, D).
            trusted_labels: int64, (M,).
            seed: the experiment's.

        Returns:
            The suspicion, and the first split of each class that was split.
        """
        scores, flagged = torch.zeros(len(labels)), torch.zeros(len(labels), dtype=torch.bool)
        first: dict[int, Split] = {}
        for label in labels.unique().tolist():
            left = (labels == label).nonzero().squeeze(1)
            known = trusted[trusted_labels == label].double().numpy()
            while (split := self._split(features[left].double().numpy(), known, seed, label)) is not None:
                first.setdefault(label, split)
                suspects = torch.from_numpy(split.suspects)
                silhouettes = torch.from_numpy(split.silhouettes).float()
                scores[left] = torch.where(suspects, silhouettes, -silhouettes)
                if not self.convinced(split):
                    break
                flagged[left[suspects]] = True
                if self.rule != "trusted":
                    break
                left, known = left[~suspects], known[~split.trusted]
        return Suspicion(scores + flagged, flagged), first

    def convinced(self, split: Split) -> bool:
        """Whether the suspect cluster is to be removed."""
        if self.rule == "size":
            return split.share < self.size_threshold
        if self.rule == "silhouette":
            return split.silhouette > self.silhouette_threshold
        avoided = split.trusted_share <= self.avoidance * split.share
        return avoided and split.p_value < self.significance

    def _split(self, features: Array, trusted: Array, seed: int, label: int) -> Split | None:
        split = split_in_two(
            features,
            trusted,
            self.dimensions,
            whiten=self.reduction == "ica",
            seed=derive_seed(seed, self.name, label),
        )
        if split is None or self.rule != "trusted":
            return split
        return min(split, split.other_way(), key=lambda one: one.trusted_share / one.share)


def _curve(splits: dict[int, Split]) -> Curve:
    return Curve("class", {
        "class": [float(label) for label in splits],
        "suspect_share": [one.share for one in splits.values()],
        "trusted_share": [one.trusted_share for one in splits.values()],
        "silhouette": [one.silhouette for one in splits.values()],
    })  # fmt: skip
