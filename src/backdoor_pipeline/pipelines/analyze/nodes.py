"""One node per figure."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from backdoor_pipeline.analysis.confusion import confusion
from backdoor_pipeline.analysis.curves import training_curves
from backdoor_pipeline.analysis.defense import defense_figure
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.samples import sample_sheet
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows
from backdoor_pipeline.defenses.diagnostics import Diagnostics
from backdoor_pipeline.experiment.specs import Analyzing, Choices
from backdoor_pipeline.pipelines.analyze.shown import title
from backdoor_pipeline.pipelines.shared.scoring import CLEAN


def draw_samples(
    clean_test: ImageSet, poisoned_test: PoisonedRows, choices: Choices, analyzing: Analyzing
) -> Figure:
    """A sheet of test images, clean, triggered, and their difference."""
    triggered = poisoned_test if len(poisoned_test) else _untouched(clean_test)
    shown = torch.randperm(len(triggered), generator=generator(choices.seed, "samples"))[
        : analyzing.sample_images
    ]
    index = triggered.index[shown]
    return sample_sheet(
        clean_test.images[index],
        triggered.images[shown],
        triggered.true_labels[shown],
        triggered.labels[shown],
        clean_test.classes,
        title("Triggered test images", choices),
    )


def draw_training_curves(train_history: pd.DataFrame, choices: Choices) -> Figure:
    """Loss, C-Acc and ASR per epoch of the victim's training."""
    return training_curves(train_history, title("Training", choices))


def draw_defense(
    defend_history: pd.DataFrame,
    suspicion: pd.DataFrame,
    diagnostics: Diagnostics,
    poisoned_train: PoisonedRows,
    choices: Choices,
) -> Figure:
    """How the defense came to its result; the suspicion scores are split by the truth, which it never saw."""
    kinds = np.full(len(suspicion), "clean", dtype="<U8")
    if len(suspicion):
        for role in ROLES:
            kinds[poisoned_train.mask(len(suspicion), role).numpy()] = role
    return defense_figure(
        defend_history, suspicion, kinds, diagnostics, title(f"Defense {choices.defense}", choices)
    )


def draw_confusion_before(predictions: pd.DataFrame, clean_test: ImageSet, choices: Choices) -> Figure:
    """Confusion of the victim's model on the clean test set."""
    return _confusion(predictions, "before", clean_test, title("Before defense", choices))


def draw_confusion_after(predictions: pd.DataFrame, clean_test: ImageSet, choices: Choices) -> Figure:
    """Confusion of the defended model on the clean test set."""
    return _confusion(predictions, "after", clean_test, title(f"After {choices.defense}", choices))


def _confusion(predictions: pd.DataFrame, when: str, clean_test: ImageSet, title: str) -> Figure:
    clean = predictions[predictions["set"] == CLEAN]
    return confusion(_tensor(clean["true_label"]), _tensor(clean[when]), clean_test.classes, title)


def _tensor(column: pd.Series) -> Tensor:
    return torch.from_numpy(column.to_numpy(copy=True))


def _untouched(clean_test: ImageSet) -> PoisonedRows:
    """Test images of the control as if they had been triggered: without any change."""
    index = torch.arange(min(len(clean_test), 1000))
    labels = clean_test.labels[index]
    return PoisonedRows(
        index, clean_test.images[index], labels, labels, torch.zeros_like(index, dtype=torch.int8)
    )
