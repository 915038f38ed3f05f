"""What cannot be is told before a run writes anything, an MLflow run included (P8)."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.catalog import ResultsDataset
from backdoor_pipeline.config import ExperimentConfigLoader
from backdoor_pipeline.experiment.resolve import describe
from backdoor_pipeline.experiment.specs import Experiment, Reporting, Spec
from backdoor_pipeline.experiment.validation import check
from backdoor_pipeline.hooks.absent import absent
from backdoor_pipeline.models import ImageClassifier, TextClassifier
from backdoor_pipeline.models.build import skeleton
from backdoor_pipeline.models.pretrained import encoder_weights, fitting_weights
from backdoor_pipeline.pipeline_registry import REPORT
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.filters import matching
from backdoor_pipeline.reporting.published import read_published
from backdoor_pipeline.reporting.sensitivity import sweep_table
from backdoor_pipeline.training.hardware import Hardware, compiles

VICTIM = "backdoored_model"


class Tracking(Spec):
    """What `mlflow.yml` says."""

    tracking_uri: str
    artifacts: str
    experiment: str


class CheckHooks:
    """Sees to what only shows on this machine: hardware, files, results."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Tell the configuration what its relative paths start from; remember the context."""
        self._context = context
        if isinstance(context.config_loader, ExperimentConfigLoader):
            context.config_loader.project = context.project_path

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Look at all that the run will need.

        Raises:
            UserError: something is not there, or is not what it has to be.
        """
        loader = self._context.config_loader
        check(Tracking, loader["mlflow"], "mlflow")
        if run_params["pipeline_names"] == [REPORT]:
            _check_report(catalog, check(Reporting, loader["parameters"]["report"], "report"))
            return
        experiment = Experiment.model_validate(loader["parameters"]["experiment"])
        device = Hardware.resolve(experiment.engine).device
        compiles(experiment.engine, device, experiment.training.recipe, images=1)
        _check_inputs(pipeline, catalog, bool(run_params["only_missing_outputs"]))
        if VICTIM in pipeline.all_outputs() and absent(catalog, VICTIM):
            _check_pretrained(experiment)


def _check_inputs(pipeline: Pipeline, catalog: DataCatalog, reuse: bool) -> None:
    """See that what chosen nodes start from is there, unless all they make is there too."""
    for node in pipeline.nodes:
        if reuse and not any(absent(catalog, name) for name in node.outputs):
            continue
        for name in sorted({*node.inputs} & pipeline.inputs()):
            for file in absent(catalog, name):
                raise UserError(f"{node.name} needs {file}, which is not there: run the stages before it.")


def _check_pretrained(experiment: Experiment) -> None:
    file = experiment.training.options.get("pretrained")
    model = skeleton(describe(experiment.dataset, experiment.training))
    if file and isinstance(model, ImageClassifier):
        fitting_weights(model, Path(file))
    elif file and isinstance(model, TextClassifier):
        encoder_weights(model, Path(file))


def _check_report(catalog: DataCatalog, report: Reporting) -> None:
    stored = catalog.get("results")
    results = stored.read_ahead() if isinstance(stored, ResultsDataset) else catalog.load("results")
    with _unheard():  # what is warned of here, the nodes say again
        cells = matching(to_cells(results), flatten(report.where))
        if report.sensitivity:
            sweep_table(cells, report.sensitivity)
        if report.published:
            read_published(report.published, report.aliases.model_dump())


@contextmanager
def _unheard() -> Iterator[None]:
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
