"""ABL: learn the poison first, then unlearn it (Li et al., Anti-Backdoor Learning, NeurIPS 2021)."""

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.parts.abl_loss import Flooding, JointUnlearning, LocalGradientAscent, ascent
from backdoor_pipeline.defenses.parts.affordable import Affordable
from backdoor_pipeline.defenses.parts.phases import adamw, joined, sgd
from backdoor_pipeline.defenses.parts.ranking import highest_of_each_class, lowest, per_image_losses
from backdoor_pipeline.defenses.parts.stream import endless
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.text_classifier import TextClassifier
from backdoor_pipeline.training import Eager, History, Recipe, Trainer


class ABL(Defense):
    """Train a fresh model so that poisoned losses fall first, isolate the lowest, train on, unlearn those.

    It needs no clean data. As its authors do, it tunes and unlearns without augmentation, which would cut
    triggers off. The unlearning `paper` is theirs: plain gradient ascent on the isolated images. `joint` is
    not: a bounded ascent goes with a descent (see `abl_loss`) on kept images, those that were learned last,
    since most of the poison is not isolated and a descent on that would teach the backdoor again. What was
    forgotten beside the trigger may then be learned again, from those kept images that still get their label:
    poison among them does not, if the trigger is forgotten. Nor is `allowed_cost` the authors': of the epochs
    of unlearning, the one is taken that forgot most at this cost on the defender's clean images.

    A model of texts starts from its published weights, and AdamW trains it, gradients shortened (ours: the
    paper is about images); all else is the same.
    """

    name: ClassVar[str] = "abl"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "text"})
    reads_train: ClassVar[bool] = True

    loss: Literal["flooding", "lga"]  # of the tuning phase
    loss_level: float = Field(gt=0, allow_inf_nan=False)  # that flooding or LGA keeps clean losses at
    isolation_ratio: float = Field(gt=0, lt=1)  # of the training set
    averaged_epochs: int = Field(ge=1)  # the last ones of the tuning, whose losses swing; 1: the paper's
    tuning_epochs: int = Field(ge=1)
    finetuning_epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    lr: float = Field(gt=0, allow_inf_nan=False)  # constant in tuning, then along a cosine to 0
    unlearning: Literal["paper", "joint"]
    unlearning_epochs: int = Field(ge=1)
    unlearning_batch_size: int = Field(ge=2)  # of isolated images
    unlearning_lr: float = Field(gt=0, allow_inf_nan=False)  # of the ascent: constant, or joint: a cosine
    allowed_cost: float | None = Field(ge=0, le=1)  # of the accuracy on clean images; None: the last epoch
    kept: Literal["per_class", "overall"]  # joint: whose highest losses
    kept_share: float = Field(gt=0, lt=1)  # joint: of each class, or of the training set
    kept_weight: float = Field(gt=0, allow_inf_nan=False)  # joint: of the descent; the ascent has 1
    kept_batch_size: int = Field(ge=2)  # joint: of kept images beside the isolated
    recovery_epochs: int = Field(ge=0)  # joint: on kept images, afterwards
    recovery_lr: float = Field(gt=0, allow_inf_nan=False)  # joint: along a cosine to 0
    momentum: float = Field(ge=0, lt=1)  # of SGD
    weight_decay: float = Field(ge=0, allow_inf_nan=False)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    clip_norm: float | None = Field(default=None, gt=0, allow_inf_nan=False)  # of AdamW: see `Recipe`

    @model_serializer(mode="wrap")
    def _as_without(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The paper's SGD names no artefact otherwise for there being another."""
        unsaid = {"optimizer": "sgd", "clip_norm": None}
        return {name: value for name, value in dump(self).items() if (name, value) not in unsaid.items()}

    def require_images(self, train: int, clean: int) -> None:  # noqa: ARG002
        """See `Defense.require_images`: some to isolate."""
        self._count(train)

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`; of the suspect model only its architecture is used."""
        count = self._count(len(view.train))
        model = view.new_model(view.seed)
        tuning, losses = self._tune(model, view)
        isolated = lowest(losses, count)
        poison, rest = (_subset(view.train, rows) for rows in (isolated, ~isolated))
        finetuning = view.trainer.fit(
            model, rest, self._recipe(self.finetuning_epochs), seed=view.seed, purpose="abl-finetuning"
        )
        before = _fitted(view.trainer, model, poison, "before")
        unlearning = self._unlearn(model, poison, self._learned_last(losses, isolated, view), view)
        after = _fitted(view.trainer, model, poison, "after")
        return Defended(
            model,
            metrics={"isolated": float(count), **before, **after},
            history=joined(tuning, finetuning, *unlearning),
            suspicion=Suspicion(scores=-losses, flagged=isolated),
        )

    def _tune(self, model: Classifier, view: DefenderView) -> tuple[History, Tensor]:
        """Train the model; its history, and the loss of every image, float64, (N,)."""
        objective = (Flooding if self.loss == "flooding" else LocalGradientAscent)(self.loss_level)
        losses: list[Tensor] = []

        def rank(epoch: int, tuned: nn.Module) -> dict[str, float]:
            if epoch > self.tuning_epochs - self.averaged_epochs:
                losses.append(per_image_losses(view.trainer, tuned, view.train))
            return {}

        history = view.trainer.fit(
            model, view.train, self._recipe(self.tuning_epochs, schedule="constant"), seed=view.seed,
            purpose="abl-tuning", objective=objective, on_epoch=rank, augment=False,
        )  # fmt: skip
        return history, torch.stack(losses).mean(0)

    def _learned_last(self, losses: Tensor, isolated: Tensor, view: DefenderView) -> ImageSet:
        """The images to hold on to, none of the isolated among them."""
        if self.kept == "per_class":
            kept = highest_of_each_class(losses, view.train.labels, self.kept_share)
        else:
            kept = ~lowest(losses, min(round((1 - self.kept_share) * len(losses)), len(losses) - 2))
        return _subset(view.train, kept & ~isolated)

    def _unlearn(
        self, model: Classifier, poison: ImageSet, kept: ImageSet, view: DefenderView
    ) -> list[History]:
        """The history of every phase of it."""
        paper = self.unlearning == "paper"
        stream = endless(
            kept, self.kept_batch_size, view.trainer, seed=view.seed, purpose="abl-kept", reader=model
        )
        recipe = self._recipe(
            self.unlearning_epochs,
            batch_size=self.unlearning_batch_size,
            lr=self.unlearning_lr,
            schedule="constant" if paper else "cosine",
        )
        bounded = self._bounded(model, poison, view)
        unlearner = model if isinstance(model, TextClassifier) else Eager(model)
        history = view.trainer.fit(
            unlearner, poison, recipe, seed=view.seed, purpose="abl-unlearning", augment=False,
            objective=ascent if paper else JointUnlearning(stream, self.kept_weight),
            on_epoch=bounded.note if bounded else None,
        )  # fmt: skip
        if bounded:
            bounded.restore()
        return [history] if paper else [history, *self._recover(model, kept, view)]

    def _bounded(self, model: Classifier, poison: ImageSet, view: DefenderView) -> Affordable | None:
        if self.allowed_cost is None:
            return None
        return Affordable(view.trainer, model, poison, view.clean, self.allowed_cost)

    def _recover(self, model: Classifier, kept: ImageSet, view: DefenderView) -> list[History]:
        """Learn the kept images again that the model gives their label."""
        sound = _subset(kept, view.trainer.predict(model, kept.inputs) == kept.labels)
        if not self.recovery_epochs or len(sound) < 2:
            return []
        recipe = self._recipe(self.recovery_epochs, lr=self.recovery_lr)
        return [view.trainer.fit(model, sound, recipe, seed=view.seed, purpose="abl-recovery")]

    def _recipe(self, epochs: int, **different: Any) -> Recipe:
        settings = {"batch_size": self.batch_size, "lr": self.lr, "schedule": "cosine", **different}
        if self.optimizer == "adamw":
            return adamw(epochs, weight_decay=self.weight_decay, clip_norm=self.clip_norm, **settings)
        return sgd(epochs, momentum=self.momentum, weight_decay=self.weight_decay, **settings)

    def _count(self, images: int) -> int:
        """How many images are isolated.

        Raises:
            UserError: it would be none, or all.
        """
        count = round(self.isolation_ratio * images)
        if count == 0:
            raise UserError(
                f"abl: isolation_ratio {self.isolation_ratio:g} of {images:,} images is no image: "
                f"use {1 / images:.2g} or more."
            )
        if count == images:
            raise UserError(
                f"abl: isolation_ratio {self.isolation_ratio:g} of {images:,} images is all of them, which "
                "leaves none to train on: lower it."
            )
        return count


def _subset(data: ImageSet, rows: Tensor) -> ImageSet:
    return data.subset(rows.nonzero()[:, 0])


def _fitted(trainer: Trainer, model: nn.Module, data: ImageSet, when: str) -> dict[str, float]:
    """How well the model fits the given labels."""
    logits = trainer.logits(model, data.inputs)
    return {
        f"isolated_accuracy_{when}": float((logits.argmax(1) == data.labels).float().mean()),
        f"isolated_loss_{when}": float(F.cross_entropy(logits, data.labels)),
    }
