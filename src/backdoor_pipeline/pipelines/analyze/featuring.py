"""The figures of what the models make of many images: one node each."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from backdoor_pipeline.analysis.activations import activation_figure
from backdoor_pipeline.analysis.embedding import Embed, Embedded, embedding_figure, tsne, umap
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.tac import activation_change, tac_figure
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.data.samples import Held, concatenated
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Analyzing
from backdoor_pipeline.experiment.stages import AnalyzeStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.pipelines.analyze.shown import by_name, drawn, pairs, title, victims
from backdoor_pipeline.training import Trainer

CLEAN_PER_TRIGGERED = 4  # more would hide what they lie among

Models = dict[str, Classifier]  # by what the figures call them


def _node(draw: Callable[[Splits, Poisoned, Models, AnalyzeStage], Figure]) -> Callable[..., Figure]:
    """The node that draws one of the figures below, of the models that the experiment compares."""

    def node(
        clean: Splits,
        poison: Poisoned,
        backdoored_model: Classifier,
        defended_model: Classifier,
        stage: AnalyzeStage,
    ) -> Figure:
        return draw(clean, poison, by_name(backdoored_model, defended_model, stage.choices), stage)

    return node


def _activations(clean: Splits, poison: Poisoned, models: Models, stage: AnalyzeStage) -> Figure:
    """The mean activation of each feature on the same test images, clean and triggered."""
    trainer = Trainer(stage.engine, None)
    images = pairs(clean.test, poison.test, stage.choices, stage.analyzing.feature_images)
    features = {
        name: {version: penultimate(trainer, model, some) for version, some in images.items()}
        for name, model in models.items()
    }
    return activation_figure(features, title("Activations of the features", stage.choices))


def _tac(clean: Splits, poison: Poisoned, models: Models, stage: AnalyzeStage) -> Figure:
    """By how much the trigger changes each channel of each stage."""
    trainer = Trainer(stage.engine, None)
    images = pairs(clean.test, poison.test, stage.choices, stage.analyzing.feature_images)
    compared = models if "triggered" in images else {}
    pixels = {version: some for version, some in images.items() if isinstance(some, Tensor)}
    changes = {name: activation_change(trainer, model, **pixels) for name, model in compared.items()}
    return tac_figure(changes, title("Trigger activation change", stage.choices))


def _embedding(
    axis: str, embed: Callable[[Analyzing, int], Embed]
) -> Callable[[Splits, Poisoned, Models, AnalyzeStage], Figure]:
    """Draws the features of clean and triggered test images in the plane.

    Args:
        axis: the method's name.
        embed: the method, of the settings and the seed.
    """

    def draw(clean: Splits, poison: Poisoned, models: Models, stage: AnalyzeStage) -> Figure:
        choices, trainer = stage.choices, Trainer(stage.engine, None)
        images, pictures = _embedded(clean, poison, stage)
        features = {name: penultimate(trainer, model, pictures) for name, model in models.items()}
        method = embed(stage.analyzing, choices.seed)
        return embedding_figure(features, images, method, axis, title(f"Features by {axis}", choices))

    return draw


def _embedded(clean: Splits, poison: Poisoned, stage: AnalyzeStage) -> tuple[Embedded, Held]:
    """What is known of the inputs that are embedded, and they themselves."""
    test, triggered, choices = clean.test, poison.test, stage.choices
    index = drawn(len(test), stage.analyzing.feature_images, choices, "embedded")
    rows = victims(triggered)
    rows = rows[drawn(len(rows), max(1, len(index) // CLEAN_PER_TRIGGERED), choices, "embedded triggered")]
    images = Embedded(
        torch.cat([index, triggered.index[rows]]),
        torch.cat([test.labels[index], triggered.true_labels[rows]]),
        torch.cat([torch.full_like(index, -1), triggered.labels[rows]]),
        test.classes,
    )
    return images, concatenated([test.inputs[index], triggered.inputs[rows]])


def _tsne(analyzing: Analyzing, seed: int) -> Embed:
    return partial(tsne, perplexity=analyzing.tsne_perplexity, seed=seed)


def _umap(analyzing: Analyzing, seed: int) -> Embed:
    return partial(umap, neighbors=analyzing.umap_neighbors, seed=seed)


draw_tsne = _node(_embedding("t-SNE", _tsne))
draw_umap = _node(_embedding("UMAP", _umap))
draw_activations = _node(_activations)
draw_tac = _node(_tac)
