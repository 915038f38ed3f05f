"""What of an unlearning clean images can afford."""

from copy import deepcopy
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.parts.held_out import ROUNDING, right_answers
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer


@dataclass(slots=True)
class Affordable:
    """Of a model's states while it unlearns, the one that has forgotten most at no more than a given cost.

    Where what is unlearned is clean, as without an attack, forgetting shows on other clean images at once; of
    a trigger there is nothing in them. No trigger and no test image is looked at.

    Attributes:
        model: as it is before; it unlearns in place.
        unlearned: what is to be forgotten, by its mean cross-entropy.
        clean: trusted images, by which the cost is judged.
        allowed: of the accuracy on them, 0 to 1.
    """

    trainer: Trainer
    model: Classifier
    unlearned: ImageSet
    clean: ImageSet
    allowed: float
    _least: float = field(init=False)
    _most: float = field(init=False)
    _state: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """Note how it is before: at worst, that is handed back."""
        accuracy, loss = self._measured()
        self._least = accuracy - self.allowed - ROUNDING
        self._keep(loss)

    def note(self, *_: object) -> dict[str, float]:
        """After an epoch: keep the state if it is the best so far; see `Trainer.fit`'s `on_epoch`."""
        accuracy, loss = self._measured()
        if accuracy >= self._least and loss > self._most:
            self._keep(loss)
        return {"clean_accuracy": accuracy, "isolated_loss": loss}

    def restore(self) -> None:
        """Give the model its best state."""
        self.model.load_state_dict(self._state)

    def _measured(self) -> tuple[float, float]:
        right = right_answers(self.trainer, self.model, self.clean).double().mean().item()
        logits = self.trainer.logits(self.model, self.unlearned.inputs).double()
        return right, F.cross_entropy(logits, self.unlearned.labels).item()

    def _keep(self, loss: float) -> None:
        self._most, self._state = loss, deepcopy(self.model.state_dict())
