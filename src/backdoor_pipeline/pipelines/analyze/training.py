"""The nodes whose figures show how the backdoor was learned, and which triggers open it."""

import pandas as pd
from torch import nn

from backdoor_pipeline.analysis.dynamics import gradient_figure, learning_figure
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.forgetting import forgetting_figure
from backdoor_pipeline.analysis.generalization import AFTER, BEFORE, generalization_figure, strength_rows
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import AnalyzeStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.analyze.shown import drawn, title
from backdoor_pipeline.training import Trainer

STRENGTH_IMAGES = 2000  # test images, at most, that carry the trigger at each strength


def measure_strengths(
    clean: Splits,
    poison: Poisoned,
    backdoored_model: Classifier,
    defended_model: Classifier,
    stage: AnalyzeStage,
) -> pd.DataFrame:
    """ASR and R-Acc, before and after the defense, of the trigger at other strengths than the trained one."""
    models: dict[str, nn.Module] = {BEFORE: backdoored_model}
    if stage.choices.defense != NONE:
        models[AFTER] = defended_model
    rows = poison.test
    shown = drawn(len(rows), STRENGTH_IMAGES, stage.choices, "strengths")
    return strength_rows(
        Trainer(stage.engine, stage.dataset.varied_by),
        models,
        poison.trigger,
        clean.test.inputs[rows.index[shown]],
        rows.labels[shown],
        rows.true_labels[shown],
    )


def draw_generalization(trigger_strengths: pd.DataFrame, stage: AnalyzeStage) -> Figure:
    """ASR against the trigger's strength at test."""
    return generalization_figure(trigger_strengths, title("Trigger generalization", stage.choices))


def draw_learning(watched_epochs: pd.DataFrame, stage: AnalyzeStage) -> Figure:
    """Losses and accuracies of clean and poisoned images per epoch."""
    return learning_figure(watched_epochs, title("Training, clean and poisoned samples apart", stage.choices))


def draw_gradients(watched_epochs: pd.DataFrame, stage: AnalyzeStage) -> Figure:
    """GSNR, norms and cosines of gradients per epoch."""
    return gradient_figure(watched_epochs, title("Gradients of training images", stage.choices))


def draw_forgetting(watched_samples: pd.DataFrame, stage: AnalyzeStage) -> Figure:
    """How often clean and poisoned training images were forgotten."""
    return forgetting_figure(watched_samples, title("Forgetting", stage.choices))
