"""Adversarial neuron pruning (ANP): remove the channels through which small perturbations do most harm."""

import math
from functools import cache
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.parts.held_out import see_that_it_can_be_split, split_clean, surely_tolerable
from backdoor_pipeline.defenses.parts.mask_thresholds import diagnostics, try_thresholds
from backdoor_pipeline.defenses.parts.min_max import MinMax
from backdoor_pipeline.defenses.parts.neuron_masks import NeuronMasks, affine_norms
from backdoor_pipeline.models.build import skeleton
from backdoor_pipeline.models.classifier import Classifier, ModelDescription
from backdoor_pipeline.models.registry import FactoryOptions, architecture, model_names
from backdoor_pipeline.training import History, Recipe


class AdversarialNeuronPruning(Defense):
    """Learn masks of channels that bear the worst noise, and prune the channels whose masks end low.

    (Wu and Wang, "Adversarial Neuron Pruning Purifies Backdoored Deep Models", NeurIPS 2021.) The channels
    are those of the normalization layers: BatchNorm in the paper; LayerNorm and GroupNorm are treated alike.
    Pruning sets a channel's weight to zero and, as in the paper, keeps its bias: it becomes a constant.

    The field's benchmark code takes the threshold by the attack success rate on poisoned test images, which
    no defender has. Here it is the highest at which the accuracy on held-out clean images is tolerable, with
    one standard error to spare, because no fine-tuning follows that could mend too much pruning.

    Attributes:
        epsilon: the noise on a channel's weight and bias, relative to them.
        steps: of the search for the worst noise.
        alpha: the weight of the loss without noise, against 1 - alpha for the one with it.
        lr: of the masks, constant.
        momentum: of the masks.
        iterations: batches; rounded up to whole epochs, of which the history has a row each.
        batch_size: images per batch; all of a smaller tuning set.
        highest_threshold: thresholds are 0 (which prunes nothing) to this.
        threshold_step: between thresholds.
        tolerance: the fraction of the held-out accuracy that pruning may cost.
        held_out: the fraction of the clean set that is held out.
    """

    name: ClassVar[str] = "anp"
    why_images: ClassVar[str] = (
        "it perturbs and prunes the channels of BatchNorm, of which models of texts have none"
    )

    epsilon: float = Field(gt=0, allow_inf_nan=False)
    steps: int = Field(ge=1)
    alpha: float = Field(ge=0, le=1)
    lr: float = Field(gt=0, allow_inf_nan=False)
    momentum: float = Field(ge=0, lt=1)
    iterations: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    highest_threshold: float = Field(ge=0, le=1)
    threshold_step: float = Field(gt=0, le=1)
    tolerance: float = Field(ge=0, lt=1)
    held_out: float = Field(gt=0, lt=1)

    def require(self, model: Classifier) -> None:
        """See `Defense.require`: a normalization layer."""
        if not affine_norms(model):
            raise _nothing_to_prune(model.description)

    def require_images(self, train: int, clean: int) -> None:  # noqa: ARG002
        """See `Defense.require_images`: some to hold out."""
        see_that_it_can_be_split(clean)

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        model = view.model
        self.require(model)
        tuning, held_out = split_clean(view.clean, self.held_out, view.seed, self.name)
        masks, history = self._learn_masks(view, tuning)
        original = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        tried = try_thresholds(view.trainer, model, masks, held_out, self._thresholds())
        chosen = [one for one in tried if surely_tolerable(one.right, tried[0].right, self.tolerance)][-1]
        model.load_state_dict({**original, **chosen.weights})
        metrics = {
            "threshold": chosen.threshold,
            "pruned": chosen.channels,
            "channels": sum(map(len, masks.values())),
            "held_out_accuracy": chosen.accuracy,
        }
        return Defended(model, metrics, history, diagnostics=diagnostics(tried, chosen))

    def _thresholds(self) -> list[float]:
        count = math.floor(self.highest_threshold / self.threshold_step + 1e-6) + 1
        return [round(i * self.threshold_step, 6) for i in range(count)]

    def _learn_masks(self, view: DefenderView, tuning: ImageSet) -> tuple[dict[str, Tensor], History]:
        masked = NeuronMasks(view.model)
        size = min(self.batch_size, len(tuning))
        batches = math.ceil(len(tuning) / size)
        recipe = Recipe(
            epochs=math.ceil(self.iterations / batches), batch_size=size, optimizer="sgd", lr=self.lr,
            momentum=self.momentum, betas=(0.9, 0.999), weight_decay=0, schedule="constant", milestones=(),
            gamma=1, patience=0,
        )  # fmt: skip
        # whole batches only, because a small one has poor statistics to normalize by: some images come twice
        order = torch.randperm(len(tuning), generator=generator(view.seed, self.name, "fill"))
        whole = tuning.subset(order.repeat(2)[: batches * size])

        def watch(_epoch: int, _model: nn.Module) -> dict[str, float]:
            masked.clip()
            return {"mean_mask": masked.mask.mean().item()}

        objective = MinMax(self.epsilon, self.steps, self.alpha)
        history = view.trainer.fit(
            masked, whole, recipe, seed=view.seed, purpose=self.name, objective=objective, on_epoch=watch
        )
        return masked.by_layer(masked.mask.detach()), history


def _nothing_to_prune(description: ModelDescription) -> UserError:
    return UserError(
        f"anp prunes channels of normalization layers, and {description.name} has none: "
        f"set model to one of {', '.join(_able(*_ours()))}."
    )


@cache
def _able(*names: str) -> list[str]:
    """Those of them with such layers, which depends on neither classes nor pixels."""
    return [name for name in names if affine_norms(skeleton(_named(name)))]


def _ours() -> list[str]:
    """Not those of a factory, whose code is not called for a mere hint."""
    return [
        name for name in model_names("image") if not issubclass(architecture(name).options, FactoryOptions)
    ]


def _named(name: str) -> ModelDescription:
    facts = {"num_classes": 2, "channels": 3, "image_size": 32, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    return ModelDescription.model_validate({"name": name, "options": {"stem": "small"}, **facts})
