"""What a model predicts for the two test sets, and what it scores."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.metrics.accuracy import Scores, attack_success_rate, clean_accuracy, robust_accuracy
from backdoor_pipeline.training import Trainer

CLEAN, TRIGGERED = "clean", "triggered"  # the two test sets


def score(trainer: Trainer, model: nn.Module, clean: SampleSet, triggered: PoisonedRows) -> Scores:
    """C-Acc on the clean test set; ASR and R-Acc on the triggered one."""
    return to_scores(
        trainer.predict(model, clean.inputs),
        clean.labels,
        trainer.predict(model, triggered.inputs),
        triggered,
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """A model's output on the two test sets: float32, (N, K), on the CPU."""

    clean: Tensor
    triggered: Tensor
    clean_labels: Tensor
    rows: PoisonedRows

    def scores(self) -> Scores:
        """C-Acc, ASR and R-Acc."""
        return to_scores(self.clean.argmax(1), self.clean_labels, self.triggered.argmax(1), self.rows)

    def sets(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Name, output and wanted labels of either set."""
        yield CLEAN, self.clean, self.clean_labels
        yield "poisoned", self.triggered, self.rows.labels


def to_answers(trainer: Trainer, model: nn.Module, clean: SampleSet, triggered: PoisonedRows) -> Answers:
    """What a model puts out for the clean and for the triggered test set."""
    output = trainer.logits(model, clean.inputs)
    stamped = trainer.logits(model, triggered.inputs) if len(triggered) else output[:0]
    return Answers(output, stamped, clean.labels, triggered)


def to_scores(clean_predicted: Tensor, labels: Tensor, predicted: Tensor, triggered: PoisonedRows) -> Scores:
    """The scores of these predictions (int64, one per image of each set)."""
    return Scores(
        clean_accuracy=clean_accuracy(clean_predicted, labels),
        asr=attack_success_rate(predicted, triggered.labels, triggered.true_labels),
        robust_accuracy=robust_accuracy(predicted, triggered.labels, triggered.true_labels),
    )


def prediction_frame(
    clean: SampleSet, triggered: PoisonedRows, **predicted: tuple[Tensor, Tensor]
) -> pd.DataFrame:
    """One row per test image: set, index into the test set, true label, target (-1: none), predictions.

    Args:
        clean: the clean test set.
        triggered: the triggered one.
        predicted: for each column, the predictions on the clean and on the triggered set.
    """
    columns = {
        "index": (torch.arange(len(clean)), triggered.index),
        "true_label": (clean.labels, triggered.true_labels),
        "target_label": (torch.full_like(clean.labels, -1), triggered.labels),
        **predicted,
    }
    frame = pd.DataFrame({name: torch.cat(pair).numpy() for name, pair in columns.items()})
    frame.insert(0, "set", [CLEAN] * len(clean) + [TRIGGERED] * len(triggered))
    return frame
