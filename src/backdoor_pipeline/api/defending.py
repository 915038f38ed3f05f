"""Defenses of any model."""

from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

from torch import nn

from backdoor_pipeline.api.data import samples_of
from backdoor_pipeline.api.defaults import choices, known_class, trainer_of, with_defaults
from backdoor_pipeline.api.fitting import kind_of_model, see_that_it_is_for
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.defenses import DEFENSES, Defended, DefenderView
from backdoor_pipeline.experiment.kinds import made_for, misfit
from backdoor_pipeline.models import Classifier, WrappedClassifier
from backdoor_pipeline.training import Engine


def defend(
    name: str,
    model: nn.Module,
    clean: Any,
    train: Any = None,
    *,
    budget: str | None = None,
    seed: int | None = None,
    engine: Engine | None = None,
    **params: Any,
) -> Defended:
    """Defend a model, or train a sound one; the model that is given stays as it is.

    Args:
        name: such as "anp".
        model: a `Classifier`: of this project, or made by `wrap`.
        clean: the samples that the defender trusts, in any form that `image_set` takes, or a `TextSet`.
        train: the training set as it came, for the defenses that look at it (`ac`, `spectral`, `abl`, `dbd`).
        budget: a data set of `conf/base`, whose epochs and so on fill what has no value of its own there;
            None: those common to all, the paper's of CIFAR-10.
        seed: of whatever is drawn; None: the default of `conf/base`.
        engine: how to run.
        params: hyper-parameters, such as `recipe={"epochs": 5}`; the others are those of `conf/base`.

    Returns:
        The defended model, in evaluation mode; its metrics, and what it holds against training rows.

    Raises:
        UserError: the defense or a parameter is not known, or cannot do with this model or these samples.
    """
    defense = with_defaults(DEFENSES, name, budget, known_class(DEFENSES, name).budget, params)
    if not isinstance(model, Classifier):
        raise UserError(f"wrap the model first: defend({name!r}, wrap(model, image_size=...), ...).")
    if train is None and defense.reads_train:
        raise UserError(f"{name} looks at the training set: defend({name!r}, model, clean, train).")
    see_that_it_is_made_for(name, model)
    trusted = samples_for(model, clean, "trusted samples")
    received = trusted if train is None else samples_for(model, train, "training samples")
    copied = deepcopy(model)
    defense.require(copied)
    defense.require_images(len(received), len(trusted))
    view = DefenderView(
        model=copied,
        train=cast(ImageSet, received),
        clean=cast(ImageSet, trusted),
        trainer=trainer_of(engine),
        seed=choices(seed=seed).seed,
        build=copied.fresh if isinstance(copied, WrappedClassifier) else None,
    )
    defended = defense.defend(view)
    defended.model.eval()
    return defended


def see_that_it_is_made_for(name: str, model: Classifier) -> None:
    """See that a defense is made for what a model reads, images or texts.

    Raises:
        UserError: it is not; the sentence names those that are.
    """
    kind = kind_of_model(model)
    if kind not in DEFENSES[name].kinds:
        raise misfit("defense", name, kind, made_for(kind)["defense"][1])


def samples_for(model: Classifier, data: Any, which: str) -> SampleSet:
    """Samples that fit a model; of a few, the highest class may be missing, and is added.

    Args:
        model: the model.
        data: in any form that `image_set` takes, or a `TextSet`.
        which: what they are, in the plural, for messages.

    Raises:
        UserError: they do not.
    """
    samples = samples_of(data)
    see_that_it_is_for(model, samples, which)
    more = tuple(str(k) for k in range(len(samples.classes), model.description.num_classes))
    return replace(samples, classes=samples.classes + more)
