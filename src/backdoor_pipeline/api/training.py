"""A victim's model, trained in one line."""

from typing import Any

from backdoor_pipeline.api.attacking import facts
from backdoor_pipeline.api.data import image_set
from backdoor_pipeline.api.defaults import choice, recipe, trainer_of
from backdoor_pipeline.data.texts import TextSet
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.models import Classifier, build_model, model_options
from backdoor_pipeline.models.registry import PLAIN
from backdoor_pipeline.training import Engine, History


def new_model(name: str, data: Any, *, seed: int | None = None, **options: Any) -> Classifier:
    """An untrained model for the classes and inputs of a data set, whose images it normalizes itself.

    Args:
        name: such as "resnet8".
        data: in any form that `image_set` takes, or a `TextSet`.
        seed: of its weights; None: the default of `conf/base`.
        options: of the architecture, such as `stem="imagenet"`.

    Raises:
        UserError: the model or an option is not known.
    """
    block = {**base_parameters()["models"].get(name, PLAIN), **options}
    known = facts(data if isinstance(data, TextSet) else image_set(data))
    drawn = choice("seed") if seed is None else seed
    return build_model(name, seed=drawn, options=model_options(name, block), **known.model_input)


def train(
    model: Classifier,
    data: Any,
    *,
    budget: str | None = None,
    seed: int | None = None,
    engine: Engine | None = None,
    **changes: Any,
) -> History:
    """Train a model in place.

    Args:
        model: of images in [0, 1], or of texts.
        data: in any form that `image_set` takes, or a `TextSet`.
        budget: see `recipe`.
        seed: of the order of samples; None: the default of `conf/base`.
        engine: how to run.
        changes: of the recipe, such as `epochs=5`.

    Returns:
        A row per epoch: see `Trainer.fit`.

    Raises:
        UserError: a setting is not known, or the loss is not finite.
    """
    samples = data if isinstance(data, TextSet) else image_set(data)
    drawn = choice("seed") if seed is None else seed
    history = trainer_of(engine).fit(model, samples, recipe(budget, **changes), seed=drawn)
    model.eval()
    return history
