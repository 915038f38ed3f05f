"""The nodes whose figures show how the backdoor was learned, and which triggers open it."""

import pandas as pd
from torch import nn

from backdoor_pipeline.analysis.dynamics import gradient_figure, learning_figure
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.forgetting import forgetting_figure
from backdoor_pipeline.analysis.generalization import AFTER, BEFORE, generalization_figure, strength_rows
from backdoor_pipeline.attacks import Trigger
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.experiment.specs import Choices
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.analyze.shown import drawn, title
from backdoor_pipeline.training import Engine, Trainer

STRENGTH_IMAGES = 2000  # test images, at most, that carry the trigger at each strength


def measure_strengths(
    clean_test: ImageSet,
    poisoned_test: PoisonedRows,
    trigger: Trigger,
    backdoored_model: Classifier,
    defended_model: Classifier,
    dataset: DatasetSpec,
    engine: Engine,
    choices: Choices,
) -> pd.DataFrame:
    """ASR and R-Acc, before and after the defense, of the trigger at other strengths than the trained one."""
    models: dict[str, nn.Module] = {BEFORE: backdoored_model}
    if choices.defense != NONE:
        models[AFTER] = defended_model
    shown = drawn(len(poisoned_test), STRENGTH_IMAGES, choices, "strengths")
    return strength_rows(
        Trainer(engine, dataset.augmentation),
        models,
        trigger,
        clean_test.images[poisoned_test.index[shown]],
        poisoned_test.labels[shown],
        poisoned_test.true_labels[shown],
    )


def draw_generalization(trigger_strengths: pd.DataFrame, choices: Choices) -> Figure:
    """ASR against the trigger's strength at test."""
    return generalization_figure(trigger_strengths, title("Trigger generalization", choices))


def draw_learning(watched_epochs: pd.DataFrame, choices: Choices) -> Figure:
    """Losses and accuracies of clean and poisoned images per epoch."""
    return learning_figure(watched_epochs, title("Quick learning", choices))


def draw_gradients(watched_epochs: pd.DataFrame, choices: Choices) -> Figure:
    """GSNR, norms and cosines of gradients per epoch."""
    return gradient_figure(watched_epochs, title("Gradients of training images", choices))


def draw_forgetting(watched_samples: pd.DataFrame, choices: Choices) -> Figure:
    """How often clean and poisoned training images were forgotten."""
    return forgetting_figure(watched_samples, title("Forgetting", choices))
