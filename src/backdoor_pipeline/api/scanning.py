"""Whether a model, or the data that it was trained on, has a backdoor."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

from backdoor_pipeline.api.defaults import choice, trainer_of, with_defaults
from backdoor_pipeline.api.defending import samples_of
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses import DEFENSES, DefenderView
from backdoor_pipeline.models import Classifier
from backdoor_pipeline.scanning import Scan
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
        params: hyper-parameters by detector, such as `{"nc": {"index": "log"}}`; the others are those of
            `conf/base`.
        budget: see `defend`.
        engine: how to run.

    Returns:
        `.suspicious`, and a verdict for each detector, with its `.finding`.

    Raises:
        UserError: a detector or a parameter is not known.
    """
    classes = model.description.num_classes
    trusted = cast(ImageSet, samples_of(clean, classes))
    received = None if train is None else cast(ImageSet, samples_of(train, classes))
    view = DefenderView(
        model=deepcopy(model),
        train=trusted if received is None else received,
        clean=trusted,
        trainer=trainer_of(engine),
        seed=choice("seed"),
    )
    chosen = {
        name: with_defaults(DEFENSES, name, budget, DEFENSES[name].budget, dict((params or {}).get(name, {})))
        for name in (known_detectors() if detectors is None else detectors)
    }
    return ask_all(view, received, chosen, choice("scan")["significance"])
