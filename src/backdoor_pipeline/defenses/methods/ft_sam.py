"""FT-SAM: fine-tuning that shrinks large weights, where a backdoor lives."""

from typing import ClassVar

from pydantic import Field

from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.defenses.parts.sharpness import SharpnessAware
from backdoor_pipeline.training import Recipe
from backdoor_pipeline.training.eager import Eager


class SharpnessAwareFineTuning(Defense):
    """Fine-tune every weight on the small clean set, by its gradient at the worst weights nearby.

    (Zhu et al., "Enhancing Fine-Tuning Based Backdoor Defense with Sharpness-Aware Minimization", ICCV 2023.)
    *Nearby* is in proportion to a weight's size: the neurons of a backdoor, whose weights are large and which
    clean images leave as they are, are moved farthest, and shrink most.

    The field's benchmark code takes a cosine's 100 epochs for 100 batches, so that its learning rate falls
    and rises again all the time; here it falls once, as the recipe says.

    Attributes:
        rho: how near: the radius, of changes divided by the sizes of the weights that they change.
        label_smoothing: the probability that a target has in classes other than the label, shared alike.
        recipe: of the fine-tuning; each of its steps takes two passes.
    """

    name: ClassVar[str] = "ft_sam"
    why_images: ClassVar[str] = "its radius is known for networks of images only"

    rho: float = Field(gt=0, allow_inf_nan=False)
    label_smoothing: float = Field(ge=0, lt=0.5)
    recipe: Recipe

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        history = view.trainer.fit(  # eager: every step has other weights put into the model
            Eager(view.model), view.clean, self.recipe, seed=view.seed, purpose=self.name,
            objective=SharpnessAware(self.rho, self.label_smoothing),
        )  # fmt: skip
        return Defended(view.model, history=history)
