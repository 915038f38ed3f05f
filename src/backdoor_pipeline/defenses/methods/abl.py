"""ABL: learn the poison first, then unlearn it (Li et al., Anti-Backdoor Learning, NeurIPS 2021)."""

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.parts.abl_loss import Flooding, GlobalGradientAscent, LocalGradientAscent
from backdoor_pipeline.defenses.parts.eager import Eager
from backdoor_pipeline.defenses.parts.phases import joined, sgd
from backdoor_pipeline.defenses.parts.ranking import lowest, per_image_losses
from backdoor_pipeline.defenses.parts.stream import endless
from backdoor_pipeline.models.build import initialize
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History, Recipe, Trainer


class ABL(Defense):
    """Train a fresh model so that poisoned losses fall first, isolate the lowest, train on, unlearn those.

    It needs no clean data. As its authors do, it tunes and unlearns without augmentation, which would cut
    triggers off. Where it leaves the paper: losses are averaged over the last epochs of the tuning, as
    flooding makes them swing; and unlearning joins a bounded, down-weighted ascent with a descent (see
    `abl_loss`) on the images that were learned last, since most of the poison is not isolated and a descent
    on that would teach the backdoor again.
    """

    name: ClassVar[str] = "abl"

    loss: Literal["flooding", "lga"]  # of the tuning phase
    loss_level: float = Field(gt=0, allow_inf_nan=False)  # that flooding or LGA keeps clean losses at
    isolation_ratio: float = Field(gt=0, lt=1)  # of the training set
    averaged_epochs: int = Field(ge=1)  # the last ones of the tuning; 1: the paper's
    kept_share: float = Field(gt=0, lt=1)  # of the training set, with the highest losses, while unlearning
    tuning_epochs: int = Field(ge=1)
    finetuning_epochs: int = Field(ge=1)
    unlearning_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    lr: float = Field(gt=0, allow_inf_nan=False)  # constant in tuning, then along a cosine to 0
    unlearning_batch_size: int = Field(ge=2)  # of isolated images
    kept_batch_size: int = Field(ge=2)  # of kept ones beside them
    unlearning_lr: float = Field(gt=0, allow_inf_nan=False)
    ascent_weight: float = Field(gt=0, allow_inf_nan=False)  # the descent has 1
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0, allow_inf_nan=False)

    def require_images(self, train: int, clean: int) -> None:  # noqa: ARG002
        """See `Defense.require_images`: some to isolate."""
        self._count(train)

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`; of the suspect model only its architecture is used."""
        total = len(view.train)
        count = self._count(total)
        model = initialize(view.model.description, view.seed)
        tuning, losses = self._tune(model, view)
        isolated = lowest(losses, count)
        poison, rest = (view.train.subset(rows.nonzero()[:, 0]) for rows in (isolated, ~isolated))
        learned_last = ~lowest(losses, max(count, min(round((1 - self.kept_share) * total), total - 2)))
        finetuning = view.trainer.fit(
            model, rest, self._recipe(self.finetuning_epochs), seed=view.seed, purpose="abl-finetuning"
        )
        before = _fitted(view.trainer, model, poison, "before")
        unlearning = self._unlearn(model, poison, view.train.subset(learned_last.nonzero()[:, 0]), view)
        after = _fitted(view.trainer, model, poison, "after")
        return Defended(
            model,
            metrics={"isolated": float(count), **before, **after},
            history=joined(tuning, finetuning, unlearning),
            suspicion=Suspicion(scores=-losses, flagged=isolated),
        )

    def _tune(self, model: Classifier, view: DefenderView) -> tuple[History, Tensor]:
        """Train the model; its history, and the loss of every image, float64, (N,)."""
        objective = (Flooding if self.loss == "flooding" else LocalGradientAscent)(self.loss_level)
        recipe = self._recipe(self.tuning_epochs, schedule="constant")
        losses: list[Tensor] = []

        def rank(epoch: int, tuned: nn.Module) -> dict[str, float]:
            if epoch > self.tuning_epochs - self.averaged_epochs:
                losses.append(per_image_losses(view.trainer, tuned, view.train))
            return {}

        history = view.trainer.fit(
            model,
            view.train,
            recipe,
            seed=view.seed,
            purpose="abl-tuning",
            objective=objective,
            on_epoch=rank,
            augment=False,
        )
        return history, torch.stack(losses).mean(0)

    def _unlearn(self, model: Classifier, poison: ImageSet, kept: ImageSet, view: DefenderView) -> History:
        recipe = self._recipe(
            self.unlearning_epochs, batch_size=self.unlearning_batch_size, lr=self.unlearning_lr
        )
        stream = endless(kept, self.kept_batch_size, view.trainer, seed=view.seed, purpose="abl-kept")
        return view.trainer.fit(
            Eager(model),
            poison,
            recipe,
            seed=view.seed,
            purpose="abl-unlearning",
            objective=GlobalGradientAscent(stream, self.ascent_weight),
            augment=False,
        )

    def _recipe(self, epochs: int, **different: Any) -> Recipe:
        settings = {"batch_size": self.batch_size, "lr": self.lr, "schedule": "cosine", **different}
        return sgd(epochs, momentum=self.momentum, weight_decay=self.weight_decay, **settings)

    def _count(self, images: int) -> int:
        """How many images are isolated.

        Raises:
            UserError: it would be no image.
        """
        count = round(self.isolation_ratio * images)
        if count == 0:
            raise UserError(
                f"abl: isolation_ratio {self.isolation_ratio:g} of {images:,} images is no image: "
                f"use {1 / images:.2g} or more."
            )
        return count


def _fitted(trainer: Trainer, model: nn.Module, data: ImageSet, when: str) -> dict[str, float]:
    """How well the model fits the given labels."""
    logits = trainer.logits(model, data.images)
    return {
        f"isolated_accuracy_{when}": float((logits.argmax(1) == data.labels).float().mean()),
        f"isolated_loss_{when}": float(F.cross_entropy(logits, data.labels)),
    }
