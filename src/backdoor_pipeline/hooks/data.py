"""What has to be seen to before a run writes anything, and when it has scores."""

import json
import logging
from pathlib import Path

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError, set_aside_if_there
from backdoor_pipeline.catalog import CleanDataset, MetricsDataset
from backdoor_pipeline.config import ExperimentConfigLoader
from backdoor_pipeline.data.manifest import remember, survey
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.feasible import lowered_ratio, see_that_it_can_be
from backdoor_pipeline.experiment.records import RECORD, read_record, result_row, with_known, write_record
from backdoor_pipeline.experiment.result import Row
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.hooks.asked import is_asked
from backdoor_pipeline.pipeline_registry import STAGES

logger = logging.getLogger(__name__)

SCORES = "evaluate_metrics"


class DataHooks:
    """Sees that the data set is there, has what the experiment takes, and stays as it is."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the configuration: the experiment is read from it. Say where the project is."""
        assert isinstance(context.config_loader, ExperimentConfigLoader)
        self._config = context.config_loader
        self._config.project = context.project_path

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Look at the clean images, if the pipeline starts from them.

        Raises:
            UserError: the experiment cannot be; the message says what to do. Nothing has been written then.
        """
        clean = catalog.get("clean") if "clean" in pipeline.inputs() else None
        self._clean = clean if isinstance(clean, CleanDataset) else None
        if self._clean is None:
            return
        parameters = self._config["parameters"]
        experiment = Experiment.model_validate(parameters["experiment"])
        manifest = self._config.manifest or survey(self._clean.spec, self._clean.raw)
        see_that_it_can_be(experiment, manifest)
        remember(self._clean.spec, self._clean.raw)
        self._manifest = experiment.manifest
        if lowered := lowered_ratio(experiment.choices, parameters):
            logger.info("poison_ratio is %s.", lowered)

    @hook_impl(tryfirst=True)
    def after_node_run(self, node: Node) -> None:
        """See that what a stage has made is of the data that it is named by, before it is saved.

        Raises:
            UserError: the data set has changed since the run began.
        """
        clean = self._clean if node.name in STAGES and "clean" in node.inputs else None
        if clean and survey(clean.spec, clean.raw).content != self._manifest:
            raise UserError(f"data set '{clean.spec.name}' was changed during the run: run again.")


class RecordHooks:
    """Puts a record beside the scores of an experiment, from which reports are made.

    What it says of a control stays when the experiment is reused without one.
    """

    _catalog: DataCatalog | None = None  # none in the processes that ParallelRunner starts afresh

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the context: the experiment is read from it."""
        self._context = context

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Remember the catalog: all stages' metrics are in it."""
        self._catalog = catalog

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Record new scores."""
        if dataset_name == SCORES:
            self._record()

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Record scores that were reused, unless they are recorded."""
        if SCORES in pipeline.all_outputs():
            self._record()

    def _record(self) -> None:
        scores = self._catalog.get(SCORES) if self._catalog is not None else None
        if self._catalog is None or not isinstance(scores, MetricsDataset):  # kept in memory
            return
        experiment = Experiment.model_validate(self._context.config_loader["parameters"]["experiment"])
        names = {stage: f"{stage}_metrics" for stage in STAGES}
        found = {stage: name for stage, name in names.items() if self._catalog.exists(name)}
        metrics = {
            stage: self._catalog.load(name) for stage, name in found.items() if is_asked(self._catalog, name)
        }
        known = _recorded(scores.path.parent / RECORD)
        row = with_known(result_row(experiment, artifact_names(experiment), metrics), known)
        if known != json.loads(json.dumps(row)):
            write_record(scores.path.parent, row)


def _recorded(file: Path) -> Row | None:
    """What a record says; None if there is none, or it is damaged: then it is set aside."""
    try:
        return read_record(file)
    except FileNotFoundError:
        return None
    except CorruptFileError as error:
        set_aside_if_there(file, str(error))
        return None
