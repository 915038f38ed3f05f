"""Fine-tuning (FT): the baseline that the others build on."""

from typing import ClassVar

from backdoor_pipeline.defenses.base import Defended, DefenderView, Defense
from backdoor_pipeline.training import Recipe


class FineTuning(Defense):
    """Fine-tune every weight on the small clean set: the backdoor, unused there, is forgotten."""

    name: ClassVar[str] = "ft"
    kinds = frozenset({"image", "text"})

    recipe: Recipe

    def defend(self, view: DefenderView) -> Defended:
        """See `Defense.defend`."""
        history = view.trainer.fit(view.model, view.clean, self.recipe, seed=view.seed, purpose="ft")
        return Defended(view.model, history=history)
