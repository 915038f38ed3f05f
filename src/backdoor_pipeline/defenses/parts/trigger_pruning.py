"""Pruning the neurons that a trigger excites (Wang et al., Neural Cleanse, IEEE S&P 2019, sec. VI-B)."""

from copy import deepcopy

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.parts.held_out import split_clean, surely_tolerable
from backdoor_pipeline.defenses.parts.triggers import Stamped, Triggers, each_stamped
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer


class Pruning(BaseModel):
    """Silence the inputs of the last layer that triggers raise most, until the triggers work no more.

    Attributes:
        success: of the triggers on held-out images of other classes: down here, it is enough.
        tolerance: held-out accuracy may fall by no more than this fraction of what it was; see
            `surely_tolerable`.
        held_out: the share of the clean images on which both are measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    success: float = Field(ge=0, lt=1)
    tolerance: float = Field(ge=0, lt=1)
    held_out: float = Field(gt=0, lt=1)

    def run(self, view: DefenderView, triggers: Triggers, classes: Tensor) -> int:
        """Mend the view's model in place.

        Args:
            view: what the defender has.
            triggers: n of them, on the CPU.
            classes: theirs, int64, (n,).

        Returns:
            How many neurons were pruned.
        """
        tuning, held_out = split_clean(view.clean, self.held_out, view.seed, "nc")
        plain, stamped = _features(view.trainer, view.model, triggers, tuning)
        order = (stamped.mean((0, 1)) - plain.mean(0)).argsort(descending=True)
        head = deepcopy(view.model.head).cpu().requires_grad_(False)
        pruned = self._enough(
            head, *_features(view.trainer, view.model, triggers, held_out), held_out.labels, classes, order
        )
        with torch.no_grad():
            view.model.head.weight[:, order[:pruned].to(view.model.head.weight.device)] = 0
        return pruned

    def _enough(
        self, head: nn.Linear, plain: Tensor, stamped: Tensor, labels: Tensor, classes: Tensor, order: Tensor
    ) -> int:
        """How many neurons to prune, in this order; the features are of held-out images."""
        answers, lured, others = head(plain), head(stamped), labels != classes[:, None]
        before = answers.argmax(-1) == labels
        for pruned, neuron in enumerate(order.tolist()):
            if (lured.argmax(-1) == classes[:, None])[others].float().mean() <= self.success:
                return pruned
            answers = answers - plain[..., neuron, None] * head.weight[:, neuron]
            lured = lured - stamped[..., neuron, None] * head.weight[:, neuron]
            if not surely_tolerable(answers.argmax(-1) == labels, before, self.tolerance):
                return pruned
        return len(order)


class _Features(nn.Module):
    def __init__(self, model: Classifier | Stamped) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.features(images)


def _features(
    trainer: Trainer, model: Classifier, triggers: Triggers, data: ImageSet
) -> tuple[Tensor, Tensor]:
    """The head's inputs for plain images, (N, D), and with each trigger on them, (n, N, D); on the CPU."""
    lured = [trainer.logits(_Features(one), data.images) for one in each_stamped(model, triggers)]
    return trainer.logits(_Features(model), data.images), torch.stack(lured)
