"""DBD: features learned without labels (Huang et al., Backdoor Defense via Decoupling, ICLR 2022)."""

from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense, Suspicion
from backdoor_pipeline.defenses.parts.contrastive import Projected, SimCLR
from backdoor_pipeline.defenses.parts.mixmatch import MixMatch
from backdoor_pipeline.defenses.parts.phases import adam, joined, sgd
from backdoor_pipeline.defenses.parts.ranking import lowest, lowest_of_each_class, per_image_losses
from backdoor_pipeline.defenses.parts.sce import symmetric_cross_entropy
from backdoor_pipeline.defenses.parts.ssl_augment import ViewAugmentation
from backdoor_pipeline.defenses.parts.still import Still
from backdoor_pipeline.defenses.parts.stream import varying
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Batch, Eager, History, Objective, OnEpoch, Recipe
from backdoor_pipeline.training.batches import batches_of
from backdoor_pipeline.training.hosting import seeded

NORMALIZATION = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


class DBD(Defense):
    """A backbone learned without labels, a head, then semi-supervised learning from the labels that fit.

    Without labels a trigger draws poisoned images nowhere, so that their false labels do not fit. Which
    labels are trusted is decided anew before every semi-supervised epoch, as in the authors' code. All images
    that were not trusted at first, on features that no label had changed, are blamed: few of them may be
    poisoned. A split per class is not the paper's: after little self-supervised learning, hard classes have
    hardly a label among the overall lowest losses.
    """

    name: ClassVar[str] = "dbd"
    why_images: ClassVar[str] = "it learns without labels from two augmented views of each image"
    reads_train: ClassVar[bool] = True

    views: ViewAugmentation
    projection_size: int = Field(ge=1)
    temperature: float = Field(gt=0, allow_inf_nan=False)
    ssl_epochs: int = Field(ge=1)
    ssl_batch_size: int = Field(ge=2)
    ssl_lr: float = Field(gt=0, allow_inf_nan=False)  # of SGD, falling to 0 along a cosine
    ssl_momentum: float = Field(ge=0, lt=1)
    ssl_weight_decay: float = Field(ge=0, allow_inf_nan=False)
    warmup_epochs: int = Field(ge=1)
    warmup_lr: float = Field(gt=0, allow_inf_nan=False)  # of Adam
    sce_alpha: float = Field(ge=0, allow_inf_nan=False)
    sce_beta: float = Field(ge=0, allow_inf_nan=False)
    split: Literal["overall", "per_class"]  # whose lowest losses are trusted; the paper's: overall
    trusted_share: float = Field(ge=0.05, le=0.95)  # the paper's epsilon
    semi_epochs: int = Field(ge=1)
    semi_steps: int | None = Field(
        ge=1
    )  # in an epoch, the paper's 1,024; None: those of a pass over the data
    semi_batch_size: int = Field(ge=2)  # with and without labels; of the warm-up too
    semi_lr: float = Field(gt=0, allow_inf_nan=False)  # of Adam
    semi_schedule: Literal["constant", "cosine"]
    sharpening: float = Field(gt=0, le=1)
    mixup_alpha: float = Field(gt=0, allow_inf_nan=False)
    lambda_u: float = Field(ge=0, allow_inf_nan=False)  # reached at the end

    def require(self, model: Classifier) -> None:
        """See `Defense.require`: normalization layers."""
        if not any(isinstance(module, NORMALIZATION) for module in model.modules()):
            raise UserError(
                "dbd does not train stably without normalization layers, which "
                f"{model.description.name} lacks: use vgg19_bn or preactresnet18."
            )

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`; of the suspect model only its architecture is used."""
        self.require(view.model)
        model = view.new_model(view.seed)
        learning = self._learn_features(model, view)
        warming = self._warm_up(model, view)
        trusted, losses = self._split(model, view)
        tuning = self._finetune(model, trusted, view)
        return Defended(
            model,
            metrics={
                "trusted": float(trusted.sum()),
                "warmup_accuracy": warming[-1]["accuracy"],
                "trusted_loss": float(losses[trusted].mean()),
                "untrusted_loss": float(losses[~trusted].mean()),
            },
            history=joined(learning, warming, tuning),
            suspicion=Suspicion(scores=losses, flagged=~trusted),
        )

    def _learn_features(self, model: Classifier, view: DefenderView) -> History:
        """Stage 1: SimCLR on all images."""
        with seeded(derive_seed(view.seed, "dbd", "projection"), torch.device("cpu")):
            projected = Projected(model, self.projection_size)
        recipe = sgd(
            self.ssl_epochs,
            self.ssl_batch_size,
            self.ssl_lr,
            momentum=self.ssl_momentum,
            weight_decay=self.ssl_weight_decay,
            schedule="cosine",
        )
        augmentation = view.trainer.augmentation
        objective = SimCLR(
            self.views, augmentation is not None and augmentation.horizontal_flip, self.temperature
        )
        return _fit(projected, view, recipe, "dbd-ssl", objective)

    def _warm_up(self, model: Classifier, view: DefenderView) -> History:
        """Stage 2: the head alone, on features that stay."""
        model.backbone.requires_grad_(False)
        recipe = adam(self.warmup_epochs, self.semi_batch_size, self.warmup_lr, "constant")
        history = view.trainer.fit(
            Still(model), view.train, recipe, seed=view.seed, purpose="dbd-warmup", objective=self._head_loss
        )
        model.backbone.requires_grad_(True)
        return history

    def _split(self, model: nn.Module, view: DefenderView) -> tuple[Tensor, Tensor]:
        """Which images are trusted, bool, (N,), and the losses of all, float64, (N,)."""
        losses = per_image_losses(view.trainer, model, view.train, self._sce)
        if self.split == "overall":
            return lowest(losses, round(self.trusted_share * len(losses))), losses
        classes = len(view.train.classes)
        return lowest_of_each_class(losses, view.train.labels, self.trusted_share, classes), losses

    def _finetune(self, model: Classifier, trusted: Tensor, view: DefenderView) -> History:
        """Stage 3: MixMatch, with the labels of trusted images only."""
        recipe = adam(self.semi_epochs, self.semi_batch_size, self.semi_lr, self.semi_schedule)
        objective = MixMatch(
            trusted,
            varying(view.trainer, seed=view.seed, purpose="dbd-semi"),
            classes=model.description.num_classes,
            steps=self.semi_epochs * (self.semi_steps or batches_of(len(view.train), self.semi_batch_size)),
            temperature=self.sharpening,
            alpha=self.mixup_alpha,
            weight=self.lambda_u,
        )

        def split_again(epoch: int, tuned: nn.Module) -> dict[str, float]:
            if epoch < self.semi_epochs:
                objective.trusted = self._split(tuned, view)[0]
            return {}

        return _fit(Eager(model), view, recipe, "dbd-semi", objective, split_again, self.semi_steps)

    @property
    def _sce(self) -> partial[Tensor]:
        return partial(symmetric_cross_entropy, alpha=self.sce_alpha, beta=self.sce_beta)

    def _head_loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits: Tensor = model(batch.inputs)
        batch.report(logits)
        return self._sce(logits.float(), batch.labels).mean()


def _fit(
    model: nn.Module,
    view: DefenderView,
    recipe: Recipe,
    purpose: str,
    objective: Objective,
    on_epoch: OnEpoch | None = None,
    steps: int | None = None,
) -> History:
    """Train on images as they are: the objective varies them itself."""
    return view.trainer.fit(
        model,
        view.train,
        recipe,
        seed=view.seed,
        purpose=purpose,
        objective=objective,
        steps=steps,
        on_epoch=on_epoch,
        augment=False,
    )
