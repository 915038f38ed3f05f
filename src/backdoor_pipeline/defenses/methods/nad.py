"""Neural attention distillation (NAD): the suspect learns to look where its fine-tuned copy looks."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.parts.attention import attention_distance, require_stages
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.stages import forward_with_stages
from backdoor_pipeline.training import Batch, Recipe
from backdoor_pipeline.training.hosting import hosted
from backdoor_pipeline.training.progress import aside


class NeuralAttentionDistillation(Defense):
    """Fine-tune a copy, the teacher; then fine-tune the suspect with the teacher's attention as a guide.

    The guide are the last spatial stages, as many as there are betas. (Li et al., "Neural Attention
    Distillation: Erasing Backdoor Triggers from Deep Neural Networks", ICLR 2021.) With betas of 0 nothing
    guides: no teacher is trained and no map is taken, and what is left, fine-tuning by the student's recipe,
    shows what the attention adds to it.
    """

    name: ClassVar[str] = "nad"
    why_images: ClassVar[str] = (
        "it compares attention maps, which a network of images has at every place of the image"
    )

    teacher: Recipe
    student: Recipe
    power: float = Field(gt=0)
    betas: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)

    @field_validator("betas", mode="before")
    @classmethod
    def _one_or_several(cls, betas: object) -> object:
        """A single number is that of the last stage; 0 is no attention at all."""
        return (betas,) if isinstance(betas, int | float) else betas

    def require(self, model: Classifier) -> None:
        """See `Defense.require`: spatial stages to compare."""
        if any(self.betas):
            require_stages(model, len(self.betas))

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        self.require(view.model)
        if not any(self.betas):
            history = view.trainer.fit(
                view.model, view.clean, self.student, seed=view.seed, purpose="nad student"
            )
            return Defended(view.model, history=history)
        student, teacher = view.model, deepcopy(view.model)
        with aside():
            taught = view.trainer.fit(
                teacher, view.clean, self.teacher, seed=view.seed, purpose="nad teacher"
            )
        distillation = Distillation(student, teacher, self.betas, self.power)
        with hosted(teacher, view.trainer.device, training=False):
            history = view.trainer.fit(
                student, view.clean, self.student, seed=view.seed, purpose="nad student",
                objective=distillation, on_epoch=distillation.report,
            )  # fmt: skip
        metrics = {
            "teacher_loss": taught[-1]["loss"],
            "attention_loss_first": history[0]["attention_loss"],
            "attention_loss_last": history[-1]["attention_loss"],
        }
        return Defended(student, metrics, history)


@dataclass
class Distillation:
    """Cross-entropy plus, for every stage, beta times the distance between the attention maps (equation 4).

    The distance is the mean square as in the authors' code, for which the betas are meant; equation 3 has the
    norm itself.

    Attributes:
        student: what is trained; the engine's compiled stand-in is left alone, see `forward_with_stages`.
        teacher: on the training device, in evaluation mode.
        betas: of the stages, the last of them last.
        power: p of the attention maps.
    """

    student: Classifier
    teacher: Classifier
    betas: tuple[float, ...]
    power: float
    _seen: list[Tensor] = field(default_factory=list, init=False)

    def __call__(self, _stand_in: nn.Module, batch: Batch) -> Tensor:
        """The loss; see `training.Objective`."""
        count = len(self.betas)
        with torch.no_grad():
            _, guides = forward_with_stages(self.teacher, batch.inputs, count)
        logits, stages = forward_with_stages(self.student, batch.inputs, count)
        batch.report(logits)
        attention = torch.stack([
            beta * attention_distance(stage, guide, self.power)
            for beta, stage, guide in zip(self.betas, stages, guides, strict=True)
        ]).sum()  # fmt: skip
        self._seen.append(attention.detach())
        return F.cross_entropy(logits.float(), batch.labels) + attention

    def report(self, _epoch: int, _model: nn.Module) -> dict[str, float]:
        """The attention's part of the loss, mean over the epoch's batches."""
        mean = torch.stack(self._seen).mean().item()
        self._seen.clear()
        return {"attention_loss": mean}
