"""What a model predicts for the two test sets, and what it scores."""

import pandas as pd
import torch
from torch import Tensor, nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.metrics.accuracy import Scores, attack_success_rate, clean_accuracy, robust_accuracy
from backdoor_pipeline.training import Trainer

CLEAN, TRIGGERED = "clean", "triggered"  # the two test sets


def score(trainer: Trainer, model: nn.Module, clean: ImageSet, triggered: PoisonedRows) -> Scores:
    """C-Acc on the clean test set; ASR and R-Acc on the triggered one."""
    return to_scores(
        trainer.predict(model, clean.images),
        clean.labels,
        trainer.predict(model, triggered.images),
        triggered,
    )


def to_scores(clean_predicted: Tensor, labels: Tensor, predicted: Tensor, triggered: PoisonedRows) -> Scores:
    """The scores of these predictions (int64, one per image of each set)."""
    return Scores(
        clean_accuracy=clean_accuracy(clean_predicted, labels),
        asr=attack_success_rate(predicted, triggered.labels, triggered.true_labels),
        robust_accuracy=robust_accuracy(predicted, triggered.labels, triggered.true_labels),
    )


def prediction_frame(
    clean: ImageSet, triggered: PoisonedRows, **predicted: tuple[Tensor, Tensor]
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
