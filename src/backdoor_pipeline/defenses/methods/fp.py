"""Fine-pruning (FP): remove what clean images leave idle, then fine-tune."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.diagnostics import Candidates, Curve, Diagnostics
from backdoor_pipeline.defenses.parts.head_inputs import HeadInputs
from backdoor_pipeline.defenses.parts.held_out import see_that_it_can_be_split, split_clean, tolerable
from backdoor_pipeline.defenses.parts.inner_neurons import InnerNeurons
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.text_classifier import TextClassifier
from backdoor_pipeline.training import Recipe, Trainer

Last = HeadInputs | InnerNeurons
# of all the prunings that were tried, about so many are kept to be scored: below the head each takes a pass
CANDIDATES: dict[type[Last], int] = {HeadInputs: 40, InnerNeurons: 10}


class FinePruning(Defense):
    """Prune the last channels that clean images hardly activate, then fine-tune every weight.

    (Liu, Dolan-Gavitt and Garg, "Fine-Pruning", RAID 2018.) The channels are the inputs of the head: in the
    networks that end in global pooling (the ResNets, DenseNet, EfficientNet), those of the last convolution
    or block, pooled, and a channel whose column of the head is zero is as good as gone. VGG and MobileNet
    have fully connected layers in between, ViT and ConvNeXt a LayerNorm: there it is the neurons of the last
    layer before the head.

    Of a BERT it is the neurons of the last encoder layer's inner part, by their mean after the GELU over all
    tokens of clean texts (ours: the paper is about convolutions); its head's inputs, behind a tanh, are never
    dormant.

    The field's benchmark code stops pruning by the accuracy on the test set, and one version of it fine-tunes
    the last layers only. Here a held-out part of the clean set says when to stop, and all weights are tuned.

    Attributes:
        tolerance: the fraction of the held-out accuracy that pruning may cost.
        held_out: the fraction of the clean set that is held out while pruning; fine-tuning uses all of it.
        recipe: of the fine-tuning.
    """

    name: ClassVar[str] = "fp"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image", "text"})

    tolerance: float = Field(ge=0, lt=1)
    held_out: float = Field(gt=0, lt=1)
    recipe: Recipe

    def require_images(self, train: int, clean: int) -> None:  # noqa: ARG002
        """See `Defense.require_images`: some to hold out."""
        see_that_it_can_be_split(clean)

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        model = view.model
        tuning, held_out = split_clean(view.clean, self.held_out, view.seed, self.name)
        last = prunable(view.trainer, model)
        activity = last.activity(tuning.inputs)
        order = activity.argsort(stable=True)  # the least active first
        accuracies = last.accuracies_while_pruning(held_out.inputs, held_out.labels, order)
        count = how_many(accuracies, self.tolerance)
        shown = self._diagnostics(last, activity[order], accuracies, order, count)
        with torch.no_grad():
            last.layer.weight[:, order[:count]] = 0
        history = fine_tune(view, self.recipe, last.layer, pruned=order[:count])
        metrics = {"pruned": count, "channels": len(order), "held_out_accuracy": accuracies[count]}
        return Defended(model, metrics, history, diagnostics=shown)

    def _diagnostics(
        self, last: Last, activity: Tensor, accuracies: Sequence[float], order: Tensor, count: int
    ) -> Diagnostics:
        """The search; `activity` is that of the channel that goes next after each number of pruned ones."""
        columns = {
            "pruned_channels": list(map(float, range(len(order)))),
            "held_out_accuracy": accuracies,
            "mean_activation": activity.tolist(),
        }
        most = min(CANDIDATES[type(last)], len(order))
        spread = torch.linspace(0, len(order) - 1, most).round().int().tolist()
        counts = sorted({*spread, count})
        weights = [{last.weight: without(last.layer.weight, order[:pruned])} for pruned in counts]
        return Diagnostics(
            curve=Curve("pruned_channels", columns, chosen=count),
            candidates=Candidates("pruned_channels", counts, weights, chosen=counts.index(count)),
        )


def prunable(trainer: Trainer, model: Classifier) -> Last:
    """What is pruned of such a model."""
    return InnerNeurons(trainer, model) if isinstance(model, TextClassifier) else HeadInputs(trainer, model)


def how_many(accuracies: Sequence[float], tolerance: float) -> int:
    """The number of channels pruned just before the accuracy first falls by more than the tolerance."""
    for count, accuracy in enumerate(accuracies):
        if not tolerable(accuracy, accuracies[0], tolerance):
            return count - 1
    return len(accuracies) - 1


def without(weight: Tensor, channels: Tensor) -> Tensor:
    """A copy of a layer's weights (K, D), on the CPU, with the columns of these channels zero."""
    return weight.detach().cpu().index_fill(1, channels, 0)


def fine_tune(view: DefenderView, recipe: Recipe, layer: nn.Linear, pruned: Tensor) -> list[dict[str, float]]:
    """Train every weight on the clean set, but no column of this layer that is zero for being pruned.

    Such a column has no gradient then; weight decay and momentum of a zero that has none are zero too.
    """
    kept = torch.ones(layer.in_features, device=view.trainer.device).index_fill(
        0, pruned.to(view.trainer.device), 0
    )
    hook = layer.weight.register_hook(lambda gradient: gradient * kept)
    try:
        return view.trainer.fit(view.model, view.clean, recipe, seed=view.seed, purpose="fp")
    finally:
        hook.remove()
