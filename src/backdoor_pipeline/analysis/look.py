"""What is looked at after each epoch of the victim's training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from backdoor_pipeline.analysis.scoring import to_answers
from backdoor_pipeline.analysis.watching import Watcher
from backdoor_pipeline.attacks import AnyTrigger
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.training import Trainer


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at after each epoch of the victim's training: scores for its history, and notes.

    Attributes:
        trainer: the engine.
        clean: the clean test set.
        triggered: the triggered one, with the trigger as it is by then.
        every: epochs between scores.
        epochs: of the training.
        watcher: takes the notes, or None.
    """

    trainer: Trainer
    clean: SampleSet
    triggered: Callable[[AnyTrigger | None], PoisonedRows]
    every: int
    epochs: int
    watcher: Watcher | None

    def __call__(
        self, epoch: int, model: nn.Module, trigger: AnyTrigger | None = None
    ) -> Mapping[str, float]:
        """C-Acc, ASR and R-Acc when they are due, and whatever the watcher notes."""
        scored = epoch % self.every == 0 or epoch == self.epochs
        tests = None
        if scored or (self.watcher and self.watcher.due(epoch)):
            tests = to_answers(self.trainer, model, self.clean, self.triggered(trigger))
        found: dict[str, float] = tests.scores().model_dump(exclude_none=True) if tests and scored else {}
        return found | (self.watcher.notes(epoch, model, trigger, tests) if self.watcher else {})
