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
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.experiment.specs import Analyzing, Choices
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.analyze.shown import by_name, explained_images, title
from backdoor_pipeline.training import Engine, Trainer


def _node(name: str, look: Look, method: Callable[[Analyzing, int], Method]) -> Callable[..., Figure]:
    """The node that draws a method's maps.

    Args:
        name: the method's.
        look: of its maps.
        method: makes it, of the settings and the seed.
    """

    def draw(
        clean_test: ImageSet,
        poisoned_test: PoisonedRows,
        predictions: pd.DataFrame,
        backdoored_model: Classifier,
        defended_model: Classifier,
        engine: Engine,
        choices: Choices,
        analyzing: Analyzing,
    ) -> Figure:
        images = explained_images(clean_test, poisoned_test, predictions, choices, analyzing.explained_images)
        models = by_name(backdoored_model, defended_model, choices)
        maps, trainer = method(analyzing, choices.seed), Trainer(engine, None)
        return explanation_figure(images, models, maps, look, trainer, title(name, choices))

    return draw


def _shapley(analyzing: Analyzing, seed: int) -> Method:
    return partial(shapley_values, cells=analyzing.shapley_cells, orders=analyzing.shapley_orders, seed=seed)


draw_grad_cam = _node("Grad-CAM", HEAT, lambda _, __: grad_cam)
draw_full_grad = _node("FullGrad", HEAT, lambda _, __: full_grad)
draw_shapley = _node("Shapley values", SIGNED, _shapley)
draw_frequency = _node("Frequency saliency", SPECTRUM, lambda _, __: frequency_saliency)
