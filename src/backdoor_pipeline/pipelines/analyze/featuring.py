"""The figures of what the models make of many images: one node each."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from backdoor_pipeline.analysis.activations import activation_figure
from backdoor_pipeline.analysis.embedding import Embed, Embedded, embedding_figure, tsne, umap
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.stealth import stealth_figure
from backdoor_pipeline.analysis.tac import activation_change, tac_figure
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.experiment.specs import Analyzing, Choices
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.pipelines.analyze.shown import by_name, drawn, pairs, title, victims
from backdoor_pipeline.training import Engine, Trainer

CLEAN_PER_TRIGGERED = 4  # more would hide what they lie among


def draw_tsne(
    clean_test: ImageSet,
    poisoned_test: PoisonedRows,
    backdoored_model: Classifier,
    defended_model: Classifier,
    engine: Engine,
    choices: Choices,
    analyzing: Analyzing,
) -> Figure:
    """The features of clean and triggered test images, by t-SNE."""
    models = by_name(backdoored_model, defended_model, choices)
    embed = partial(tsne, perplexity=analyzing.tsne_perplexity, seed=choices.seed)
    return _embedding(clean_test, poisoned_test, models, engine, choices, analyzing, embed, "t-SNE")


def draw_umap(
    clean_test: ImageSet,
    poisoned_test: PoisonedRows,
    backdoored_model: Classifier,
    defended_model: Classifier,
    engine: Engine,
    choices: Choices,
    analyzing: Analyzing,
) -> Figure:
    """The same features by UMAP."""
    models = by_name(backdoored_model, defended_model, choices)
    embed = partial(umap, neighbors=analyzing.umap_neighbors, seed=choices.seed)
    return _embedding(clean_test, poisoned_test, models, engine, choices, analyzing, embed, "UMAP")


def draw_activations(
    clean_test: ImageSet,
    poisoned_test: PoisonedRows,
    backdoored_model: Classifier,
    defended_model: Classifier,
    engine: Engine,
    choices: Choices,
    analyzing: Analyzing,
) -> Figure:
    """The mean activation of each feature on the same test images, clean and triggered."""
    trainer = Trainer(engine, None)
    images = pairs(clean_test, poisoned_test, choices, analyzing.feature_images)
    features = {
        name: {version: penultimate(trainer, model, some) for version, some in images.items()}
        for name, model in by_name(backdoored_model, defended_model, choices).items()
    }
    return activation_figure(features, title("Activations of the features", choices))


def draw_tac(
    clean_test: ImageSet,
    poisoned_test: PoisonedRows,
    backdoored_model: Classifier,
    defended_model: Classifier,
    engine: Engine,
    choices: Choices,
    analyzing: Analyzing,
) -> Figure:
    """By how much the trigger changes each channel of each stage."""
    trainer = Trainer(engine, None)
    images = pairs(clean_test, poisoned_test, choices, analyzing.feature_images)
    models = by_name(backdoored_model, defended_model, choices) if "triggered" in images else {}
    changes = {name: activation_change(trainer, model, **images) for name, model in models.items()}
    return tac_figure(changes, title("Trigger activation change", choices))


def draw_stealth(poison_metrics: dict[str, Any], choices: Choices) -> Figure:
    """How visible the trigger and the poison are."""
    return stealth_figure(poison_metrics, title("Visibility of the poison", choices))


def _embedding(
    clean_test: ImageSet,
    triggered: PoisonedRows,
    models: dict[str, Classifier],
    engine: Engine,
    choices: Choices,
    analyzing: Analyzing,
    embed: Embed,
    axis: str,
) -> Figure:
    trainer = Trainer(engine, None)
    clean = drawn(len(clean_test), analyzing.feature_images, choices, "embedded")
    rows = victims(triggered)
    rows = rows[drawn(len(rows), max(1, len(clean) // CLEAN_PER_TRIGGERED), choices, "embedded triggered")]
    images = Embedded(
        torch.cat([clean, triggered.index[rows]]),
        torch.cat([clean_test.labels[clean], triggered.true_labels[rows]]),
        torch.cat([torch.full_like(clean, -1), triggered.labels[rows]]),
        clean_test.classes,
    )
    pictures: Tensor = torch.cat([clean_test.images[clean], triggered.images[rows]])
    features = {name: penultimate(trainer, model, pictures) for name, model in models.items()}
    return embedding_figure(features, images, embed, axis, title(f"Features by {axis}", choices))
