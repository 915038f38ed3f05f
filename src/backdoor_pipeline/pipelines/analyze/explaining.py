"""The figures of single images: one node per method, all of the same images."""

from collections.abc import Callable
from functools import partial

import pandas as pd

from backdoor_pipeline.analysis.explanations import HEAT, SIGNED, SPECTRUM, Look, Method, explanation_figure
from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.analysis.frequency import frequency_saliency
from backdoor_pipeline.analysis.full_grad import full_grad
from backdoor_pipeline.analysis.grad_cam import grad_cam
from backdoor_pipeline.analysis.shapley import shapley_values
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.data.samples import images_of
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Analyzing
from backdoor_pipeline.experiment.stages import AnalyzeStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.analyze.shown import by_name, explained_images, title
from backdoor_pipeline.training import Trainer


def _node(name: str, look: Look, method: Callable[[Analyzing, int], Method]) -> Callable[..., Figure]:
    """The node that draws a method's maps.

    Args:
        name: the method's.
        look: of its maps.
        method: makes it, of the settings and the seed.
    """

    def draw(
        clean: Splits,
        poison: Poisoned,
        predictions: pd.DataFrame,
        backdoored_model: Classifier,
        defended_model: Classifier,
        stage: AnalyzeStage,
    ) -> Figure:
        choices, most = stage.choices, stage.analyzing.explained_images
        images = explained_images(images_of(clean.test), poison.test, predictions, choices, most)
        models = by_name(backdoored_model, defended_model, choices)
        maps, trainer = method(stage.analyzing, choices.seed), Trainer(stage.engine, None)
        return explanation_figure(images, models, maps, look, trainer, title(name, choices))

    return draw


def _shapley(analyzing: Analyzing, seed: int) -> Method:
    return partial(shapley_values, cells=analyzing.shapley_cells, orders=analyzing.shapley_orders, seed=seed)


def _frequency(analyzing: Analyzing, _: int) -> Method:
    return partial(frequency_saliency, form=analyzing.frequency_saliency)


draw_grad_cam = _node("Grad-CAM", HEAT, lambda _, __: grad_cam)
draw_full_grad = _node("FullGrad", HEAT, lambda _, __: full_grad)
draw_shapley = _node("Shapley values", SIGNED, _shapley)
draw_frequency = _node("Frequency saliency", SPECTRUM, _frequency)
