"""Activation clustering (AC): in the target class, what the model sees falls into two groups."""

import logging
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.defenses.base import Clusters, Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.detecting import Detector, Finding, named
from backdoor_pipeline.defenses.diagnostics import Curve, Diagnostics
from backdoor_pipeline.defenses.parts.clustering import Array, Split, split_in_two
from backdoor_pipeline.defenses.parts.reclassification import Reclassified, reclassify, shares
from backdoor_pipeline.defenses.parts.retraining import removal, retrain_without
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import Recipe

logger = logging.getLogger(__name__)


class ActivationClustering(Defense, Detector):
    """Split the features of each class in two, remove the suspect part where that convinces, and train anew.

    The paper suspects the smaller cluster, and is convinced by its `size`, by the clusters' `silhouette`, or
    by exclusionary `reclassification`: a model trained without the suspect clusters of all classes does not
    give their rows the label that they were given. All three err once poison is most of its class: 10 %
    poison outnumber the clean rows of one class in ten. The rule `trusted`, not in the paper, suspects the
    cluster that the trusted images of the class avoid, is convinced if few enough are there and that is no
    chance, and then splits the rest again, since poison may be several groups.

    (Chen et al., "Detecting Backdoor Attacks on Deep Neural Networks by Activation Clustering", 2018.)
    """

    name: ClassVar[str] = "ac"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "text"})
    budget: ClassVar[Literal["defending", "training"]] = "training"
    reads_train: ClassVar[bool] = True

    dimensions: int = Field(ge=1)
    reduction: Literal["ica", "pca"]
    starts: int = Field(ge=1)
    rule: Literal["trusted", "size", "silhouette", "reclassification"]
    avoidance: float = Field(ge=0, lt=1)
    significance: float = Field(gt=0, lt=1)
    size_threshold: float = Field(gt=0, le=0.5)
    silhouette_threshold: float = Field(ge=-1, le=1)
    reclassification_threshold: float = Field(gt=0, allow_inf_nan=False)
    recipe: Recipe

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`; where no class convinces, the model is given back unchanged."""
        features, trusted = (
            penultimate(view.trainer, view.model, data.inputs) for data in (view.train, view.clean)
        )
        suspicion, splits = self.inspect(features, view.train.labels, trusted, view.clean.labels, view.seed)
        columns = _columns(splits)
        if self.rule == "reclassification" and splits:
            tried = reclassify(suspicion.flagged, view, self.recipe, self.name)
            suspicion = self.acquit(suspicion, view.train.labels, tried)
            columns |= shares(tried)
        metrics = removal(suspicion.flagged, self.name)
        metrics["classes_flagged"] = float(view.train.labels[suspicion.flagged].unique().numel())
        diagnostics = Diagnostics(Curve("class", columns))
        if not suspicion.flagged.any():
            logger.info("ac: no class looks poisoned, so the model stays as it is")
            return Defended(view.model, metrics, suspicion=suspicion, diagnostics=diagnostics)
        model, history = retrain_without(suspicion.flagged, view, self.recipe, self.name)
        return Defended(model, metrics, history, suspicion, diagnostics)

    def detect(self, view: DefenderView, significance: float) -> Finding:
        """See `Detector.detect`: by the rule `trusted`, as the others tell nothing of their false alarms."""
        features, trusted = (
            penultimate(view.trainer, view.model, data.inputs) for data in (view.train, view.clean)
        )
        level = significance / len(view.clean.classes)
        careful = self.model_copy(update={"rule": "trusted", "significance": level})
        suspicion, splits = careful.inspect(
            features, view.train.labels, trusted, view.clean.labels, view.seed
        )
        flagged = view.train.labels[suspicion.flagged].unique().tolist()
        avoided = [split for split in splits.values() if self._avoided(split)]
        chance = min((split.chance(self.avoidance) for split in avoided), default=1.0)
        count, blamed = int(suspicion.flagged.sum()), named(flagged, view.clean.classes)
        return Finding(
            suspicious=count > 0,
            says=f"{blamed}: {count} rows in a cluster that clean images avoid" if count
            else "there is no cluster that clean images avoid",
            sure=f"by chance {chance:.2g}, alarm below {level:.2g}",
            suspicion=suspicion,
        )  # fmt: skip

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
        scores, turned = torch.zeros(len(labels)), torch.zeros(len(labels))
        flagged = torch.zeros(len(labels), dtype=torch.bool)
        first: dict[int, Split] = {}
        for label in labels.unique().tolist():
            left = (labels == label).nonzero().squeeze(1)
            known = trusted[trusted_labels == label].double().numpy()
            while (split := self._split(features[left].double().numpy(), known, seed, label)) is not None:
                suspects, convinced = torch.from_numpy(split.suspects), self.convinced(split)
                scores[left] = _signed(split)
                if label not in first:
                    first[label], turned[left] = split, _signed(split.other_way()) + convinced * ~suspects
                if not convinced:
                    break
                flagged[left[suspects]] = True
                if self.rule != "trusted":
                    break
                left, known = left[~suspects], known[~split.trusted]
        return Suspicion(scores + flagged, flagged, Clusters(labels, turned)), first

    def convinced(self, split: Split) -> bool:
        """Whether the suspect cluster is to be removed, or of `reclassification` to be tried."""
        if self.rule == "reclassification":
            return True
        if self.rule == "size":
            return split.share < self.size_threshold
        if self.rule == "silhouette":
            return split.silhouette > self.silhouette_threshold
        return self._avoided(split) and split.chance(self.avoidance) < self.significance

    def _avoided(self, split: Split) -> bool:
        return split.trusted_share <= self.avoidance * split.share

    def acquit(self, suspicion: Suspicion, labels: Tensor, tried: dict[int, Reclassified]) -> Suspicion:
        """No longer flag the rows of classes whose suspects were given their label again.

        Args:
            suspicion: of every class that was split.
            labels: as given, int64, (N,).
            tried: see `reclassify`.
        """
        innocent = [
            label for label, one in tried.items() if not one.poisonous(self.reclassification_threshold)
        ]
        free, flagged = torch.isin(labels, torch.tensor(innocent, dtype=labels.dtype)), suspicion.flagged
        clusters = suspicion.clusters and Clusters(
            labels, suspicion.clusters.turned - (free & ~flagged).float()
        )
        return Suspicion(suspicion.scores - (free & flagged).float(), flagged & ~free, clusters)

    def _split(self, features: Array, trusted: Array, seed: int, label: int) -> Split | None:
        split = split_in_two(
            features,
            trusted,
            self.dimensions,
            whiten=self.reduction == "ica",
            starts=self.starts,
            seed=derive_seed(seed, self.name, label),
        )
        if split is None or self.rule != "trusted":
            return split
        return min(split, split.other_way(), key=lambda one: one.trusted_share / one.share)


def _signed(split: Split) -> Tensor:
    """Silhouettes, float32, (n,), negative outside the suspect cluster."""
    silhouettes = torch.from_numpy(split.silhouettes).float()
    return torch.where(torch.from_numpy(split.suspects), silhouettes, -silhouettes)


def _columns(splits: dict[int, Split]) -> dict[str, list[float]]:
    return {
        "class": [float(label) for label in splits],
        "suspect_share": [one.share for one in splits.values()],
        "trusted_share": [one.trusted_share for one in splits.values()],
        "silhouette": [one.silhouette for one in splits.values()],
    }
