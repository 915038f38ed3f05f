"""Whether a model, or the data that it was trained on, has a backdoor."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

from backdoor_pipeline.api.defaults import choices, trainer_of, with_defaults
from backdoor_pipeline.api.defending import samples_for
from backdoor_pipeline.api.fitting import kind_of_model
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses import DEFENSES, DefenderView, Defense
from backdoor_pipeline.experiment.conf import base_parameters
from backdoor_pipeline.models import Classifier
from backdoor_pipeline.scanning import Scan, see_that_they_detect
from backdoor_pipeline.scanning import detectors as known_detectors
from backdoor_pipeline.scanning import scan as ask_all
from backdoor_pipeline.training import Engine


def scan(
    model: Classifier,
    clean: Any,
    train: Any = None,
    *,
    detectors: Sequence[str] | None = None,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    budget: str | None = None,
    engine: Engine | None = None,
) -> Scan:
    """Ask detectors.

    Args:
        model: a `Classifier`: of this project, or made by `wrap`; it stays as it is.
        clean: trusted images of all classes, in any form that `image_set` takes.
        train: the training set, likewise, for the detectors that look at it.
        detectors: their names; None: all.
        params: hyper-parameters by detector, such as `{"nc": {"log_threshold": 4}}`; the others are those of
            `conf/base`.
        budget: see `defend`.
        engine: how to run.

    Returns:
        `.suspicious`, and a verdict for each detector, with its `.finding`.

    Raises:
        UserError: a detector or a parameter is not known, or the model or the samples are none of images, or
            do not fit each other.
    """
    if not isinstance(model, Classifier):
        raise UserError("wrap the model first: scan(wrap(model, image_size=...), ...).")
    if kind_of_model(model) != "image":
        raise UserError("a scan is of models of images, and this one reads texts.")
    chosen = _chosen(detectors, params, budget)
    trusted = cast(ImageSet, samples_for(model, clean, "trusted samples"))
    received = None if train is None else cast(ImageSet, samples_for(model, train, "training samples"))
    view = DefenderView(
        model=deepcopy(model),
        train=trusted if received is None else received,
        clean=trusted,
        trainer=trainer_of(engine),
        seed=choices().seed,
    )
    return ask_all(view, received, chosen, base_parameters()["scan"]["significance"])


def _chosen(names: Any, params: Any, budget: str | None) -> dict[str, Defense]:
    """The detectors by name, with their hyper-parameters."""
    asked, settings = known_detectors() if names is None else names, params or {}
    if isinstance(asked, str) or not isinstance(asked, Sequence) or not asked:
        raise UserError("detectors: give a list of names, one at least, such as ['nc'].")
    if not isinstance(settings, Mapping) or not all(isinstance(own, Mapping) for own in settings.values()):
        raise UserError(
            "params: give a table of settings for each detector, such as {'nc': {'log_threshold': 4}}."
        )
    see_that_they_detect([*asked, *settings])
    return {
        name: with_defaults(DEFENSES, name, budget, DEFENSES[name].budget, dict(settings.get(name, {})))
        for name in asked
    }
