"""The figures of data, training, defense and answers: one node each."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from backdoor_pipeline.analysis.confusion import confusion
from backdoor_pipeline.analysis.curves import training_curves
from backdoor_pipeline.analysis.defense import defense_figure
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.samples import clean_sheet, sample_sheet
from backdoor_pipeline.analysis.scoring import CLEAN
from backdoor_pipeline.analysis.sentences import sentence_sheet
from backdoor_pipeline.analysis.stealth import stealth_figure
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.catalog import Findings
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.experiment.stages import AnalyzeStage
from backdoor_pipeline.models import Classifier, TextClassifier
from backdoor_pipeline.pipelines.analyze.shown import drawn, title


def draw_samples(clean: Splits, poison: Poisoned, defended_model: Classifier, stage: AnalyzeStage) -> Figure:
    """A sheet of test images, clean, triggered, and their difference; or of sentences, see `_sentences`.

    Where no image was triggered, of clean ones alone.
    """
    if isinstance(clean.test, TextSet):
        return _sentences(clean.test, poison.test, defended_model, stage)
    test, choices = clean.test, stage.choices
    triggered, most = poison.test, stage.analyzing.sample_images
    if not len(triggered):
        shown = drawn(len(test), most, choices, "samples")
        return clean_sheet(
            test.images[shown], test.labels[shown], test.classes, title("Test images", choices)
        )
    shown = drawn(len(triggered), most, choices, "samples")
    index = triggered.index[shown]
    return sample_sheet(
        test.images[index],
        triggered.images[shown],
        triggered.true_labels[shown],
        triggered.labels[shown],
        test.classes,
        title("Triggered test images", choices),
    )


def _sentences(test: TextSet, triggered: PoisonedRows, model: Classifier, stage: AnalyzeStage) -> Figure:
    """Test sentences, clean and triggered, and as a defense that purifies leaves them."""
    choices, most = stage.choices, stage.analyzing.sample_images
    if not len(triggered):
        shown = drawn(len(test), most, choices, "samples")
        versions = {"clean": test.texts[shown].sentences}
        labels = [test.classes[label] for label in test.labels[shown].tolist()]
        return sentence_sheet(versions, labels, labels, title("Test sentences", choices))
    shown = drawn(len(triggered), most, choices, "samples")
    stamped = triggered.inputs[shown]
    assert isinstance(stamped, Texts)
    versions = {"clean": test.texts[triggered.index[shown]].sentences, "triggered": stamped.sentences}
    if isinstance(model, TextClassifier) and model.purifier:
        versions["purified"] = model.purifier(stamped).sentences
    true, wanted = (
        [test.classes[label] for label in labels[shown].tolist()]
        for labels in (triggered.true_labels, triggered.labels)
    )
    return sentence_sheet(versions, true, wanted, title("Triggered sentences", choices))


def draw_training_curves(train_history: pd.DataFrame, stage: AnalyzeStage) -> Figure:
    """Loss, C-Acc and ASR per epoch of the victim's training."""
    return training_curves(train_history, title("Training, all samples together", stage.choices))


def draw_defense(
    defend_history: pd.DataFrame, findings: Findings, poison: Poisoned, stage: AnalyzeStage
) -> Figure:
    """How the defense came to its result; the suspicion scores are split by the truth, which it never saw."""
    suspicion = findings.suspicion
    kinds = np.full(len(suspicion), "clean", dtype="<U8")
    if len(suspicion):
        for role in (*ROLES, "unknown"):
            kinds[poison.train.mask(len(suspicion), role).numpy()] = role
    heading = title(f"Defense {stage.choices.defense}", stage.choices)
    return defense_figure(defend_history, suspicion, kinds, findings.diagnostics, heading)


def draw_confusion_before(predictions: pd.DataFrame, clean: Splits, stage: AnalyzeStage) -> Figure:
    """Confusion of the victim's model on the clean test set."""
    return _confusion(predictions, "before", clean.test, title("Before defense", stage.choices))


def draw_confusion_after(predictions: pd.DataFrame, clean: Splits, stage: AnalyzeStage) -> Figure:
    """Confusion of the defended model on the clean test set."""
    heading = title(f"After {stage.choices.defense}", stage.choices)
    return _confusion(predictions, "after", clean.test, heading)


def draw_stealth(poison_metrics: dict[str, Any], stage: AnalyzeStage) -> Figure:
    """How visible the trigger and the poison are."""
    return stealth_figure(poison_metrics, title("Visibility of the poison", stage.choices))


def _confusion(predictions: pd.DataFrame, when: str, clean_test: SampleSet, title: str) -> Figure:
    clean = predictions[predictions["set"] == CLEAN]
    return confusion(_tensor(clean["true_label"]), _tensor(clean[when]), clean_test.classes, title)


def _tensor(column: pd.Series) -> Tensor:
    return torch.from_numpy(column.to_numpy(copy=True))
