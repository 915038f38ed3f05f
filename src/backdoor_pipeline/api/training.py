"""A victim's model, trained in one line."""

from typing import Any

from backdoor_pipeline.api.attacking import facts
from backdoor_pipeline.api.checks import kind_of_samples
from backdoor_pipeline.api.data import samples_of
from backdoor_pipeline.api.defaults import choices, one_of, recipe, trainer_of
from backdoor_pipeline.api.fitting import see_that_it_answers
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.experiment.kinds import made_for, misfit
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
        UserError: the model or an option is not known, or it is not made for such samples.
    """
    samples = samples_of(data)
    kind = kind_of_samples(samples)
    known_models, fitting = made_for(kind)["model"]
    if one_of(known_models, name, "model") not in fitting:
        raise misfit("model", name, kind, fitting)
    block = {**base_parameters()["models"].get(name, PLAIN), **options}
    known, drawn = facts(samples), choices(seed=seed).seed
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
        UserError: a setting is not known, the model does not take such samples, or the loss is not finite.
    """
    samples, trainer = samples_of(data), trainer_of(engine)
    asked, drawn = recipe(budget, **changes), choices(seed=seed).seed
    see_that_it_answers(trainer, model, samples)
    if not any(weights.requires_grad for weights in model.parameters()):
        raise UserError(f"{type(model).__name__} has no weights to train: set their requires_grad.")
    history = trainer.fit(model, samples, asked, seed=drawn)
    model.eval()
    return history
