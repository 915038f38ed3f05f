"""Unlearning a trigger that was found (Wang et al., Neural Cleanse, IEEE S&P 2019, sec. VI-C)."""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.parts.triggers import Triggers, stamp
from backdoor_pipeline.training import Batch, History, Recipe


class Unlearning(BaseModel):
    """Fine-tune on clean images, some of which carry a trigger but keep their true label.

    Attributes:
        ratio: the share of every batch that is stamped.
        recipe: of the fine-tuning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ratio: float = Field(gt=0, le=1)
    recipe: Recipe

    def run(self, view: DefenderView, triggers: Triggers) -> History:
        """Mend the view's model in place."""
        objective = StampedCrossEntropy(triggers.to(view.trainer.device), self.ratio)
        return view.trainer.fit(
            view.model, view.clean, self.recipe, seed=view.seed, purpose="nc", objective=objective
        )


@dataclass(frozen=True, slots=True)
class StampedCrossEntropy:
    """Cross-entropy with the true labels of a batch that is partly stamped.

    Triggers are put on after augmentation: where they were found, and never cropped away.

    Attributes:
        triggers: on the training device; each image that is stamped gets one of them, at random.
        ratio: the share of the batch that is, drawn anew each time; at least one image.
    """

    triggers: Triggers
    ratio: float

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `Objective`."""
        images, device = batch.inputs.clone(), batch.inputs.device
        rows = torch.randperm(len(images), device=device)[: max(1, round(self.ratio * len(images)))]
        which = torch.randint(len(self.triggers), (len(rows),), device=device)
        images[rows] = stamp(images[rows], self.triggers.masks[which], self.triggers.patterns[which])
        logits: Tensor = model(images)
        batch.report(logits)
        return F.cross_entropy(logits.float(), batch.labels)
