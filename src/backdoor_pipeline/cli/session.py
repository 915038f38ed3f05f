"""What commands beside `kedro run` ask of the configuration."""

import os
from functools import partial
from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.places import told_from
from backdoor_pipeline.data.sources import load_split
from backdoor_pipeline.data.spec import ImageSpec
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.sweep.layout import Layout, config_loader, raw_folder


def image_experiment(dataset: str, **choices: Any) -> tuple[Experiment, ImageSpec, dict[str, Any]]:
    """The experiment without attack and defense on a data set of images, that data set, and all parameters.

    Args:
        dataset: its name in the parameters.
        choices: other parameters.

    Raises:
        UserError: it is not known, or is of texts.
    """
    asked = {"dataset": dataset, "attack": "none", "defense": "none", **choices}
    with KedroSession.create(runtime_params=asked) as session:
        assert isinstance(session, KedroSession)
        parameters: dict[str, Any] = session.load_context().config_loader["parameters"]
    experiment = Experiment.model_validate(parameters["experiment"])
    if not isinstance(experiment.dataset, ImageSpec):
        raise UserError(f"data set '{dataset}' is of texts: only images, and models of them, are imported.")
    return experiment, experiment.dataset, parameters


def clean_data(spec: ImageSpec) -> Splits:
    """Both splits, each read when it is asked for."""
    return Splits(partial(load_split, spec, raw_data()))


def raw_data() -> Path:
    """The folder of raw data in which runs look, as the catalog says; a command stands in the project's root.

    Raises:
        UserError: the catalog cannot be read, or does not say it.
    """
    project = Path.cwd()
    return told_from(project, raw_folder(project, os.environ.get("KEDRO_ENV")))


def folder_of(stage: str) -> Path:
    """Where the catalog puts a stage's artefacts, from the project's root, in which a command stands.

    Raises:
        UserError: the catalog cannot be read, or does not say it.
    """
    project = Path.cwd()
    layout = Layout.of(config_loader(project, os.environ.get("KEDRO_ENV")), project)
    return told_from(project, layout.above(stage))
