"""One MLflow run per Kedro run: parameters, scores, every node's metrics and seconds, curves, figures."""

import atexit
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.catalog import FigureDataset, PageDataset, TableDataset
from backdoor_pipeline.hooks.asked import is_asked, nodes_not_asked_for
from backdoor_pipeline.hooks.description import describe_experiment, describe_report
from backdoor_pipeline.hooks.figures import asked_figures
from backdoor_pipeline.hooks.membership import membership, shared_parameters
from backdoor_pipeline.hooks.metric_names import (
    SECONDS,
    Metric,
    Score,
    curves,
    epoch_metrics,
    is_score,
    stage_metrics,
)
from backdoor_pipeline.hooks.mlflow_run import MlflowRun
from backdoor_pipeline.hooks.mlflow_store import store_of
from backdoor_pipeline.hooks.nodes import RunNodes
from backdoor_pipeline.hooks.origin import command_of, origin
from backdoor_pipeline.hooks.outcome import OutcomeHooks
from backdoor_pipeline.pipeline_registry import REPORT
from backdoor_pipeline.training.progress import listen

METRICS, HISTORY = "_metrics", "_history"


class TrackingHooks:
    """Logs every Kedro run. What a stage put out is logged alike whether it ran now or was reused.

    What other processes put out, under ParallelRunner, is logged at the end by the one that opened the run.
    """

    _nodes: RunNodes | None = None
    _run: MlflowRun

    def __init__(self, outcome: OutcomeHooks) -> None:
        self._outcome = outcome

    @property
    def experiment(self) -> str:
        """The id of MLflow's experiment; empty: nothing is tracked."""
        return self._run.experiment if self._nodes and self._run.open else ""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the context: settings and experiment are read from it when the run starts."""
        self._context = context

    @hook_impl
    def before_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the run; log every parameter, and the data."""
        settings, project = self._context.config_loader["mlflow"], self._context.project_path
        parameters, pipelines = self._context.config_loader["parameters"], run_params["pipeline_names"]
        if pipelines == [REPORT]:
            described = describe_report(parameters)
        else:
            typed = flatten(run_params["runtime_params"] or {})
            own = {name: value for name, value in typed.items() if name not in shared_parameters()}
            described = describe_experiment(parameters, own, pipeline)
        tags = described.tags | membership() | origin(command_of(run_params), project)
        tags["pipeline"] = ",".join(pipelines or ["__default__"])
        self._run = MlflowRun(store_of(settings, project), described.name, tags)
        self._run.log_params(described.params)
        self._run.log_data(described.data)
        self._models = described.models
        self._begin()
        self._nodes = RunNodes(pipeline, catalog)
        atexit.register(self._run.end, "KILLED")

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the node's clock; listen to what it trains."""
        if not (self._nodes and self._nodes.here):
            return
        self._clocks[node.name] = time.perf_counter()
        trains = any(name.endswith(HISTORY) for name in node.outputs)
        listen(partial(self._hear, node.name) if trains else None)

    @hook_impl
    def after_node_run(self, node: Node, outputs: Mapping[str, Any]) -> None:
        """Log what the node put out."""
        if not (self._nodes and self._nodes.here):
            return
        listen(None)
        self._nodes.add(node.name)
        if f"{node.name}{METRICS}" not in outputs:  # stages know their own seconds, when reused too
            self._rest[f"{SECONDS}/{node.short_name}"] = time.perf_counter() - self._clocks[node.name]
        for name, data in outputs.items():
            self._log_output(name, data)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log what was reused, and the figures; close the run."""
        assert self._nodes is not None
        for node in pipeline.nodes:
            for name in node.outputs if node.name not in self._clocks else ():
                if name.endswith((METRICS, HISTORY)) and is_asked(catalog, name):
                    self._log_output(name, catalog.load(name))
        self._log_scores(stage_metrics("evaluate", self._outcome.found))
        ran = self._nodes.ran()
        ran |= nodes_not_asked_for(pipeline, catalog)
        self._run.set_tag("reused", ",".join(node.name for node in pipeline.nodes if node.name not in ran))
        for name in asked_figures(pipeline, catalog):
            self._run.log_artifact(catalog.load(name), "figures")
        for name in sorted(pipeline.all_outputs()):
            shown = catalog.get(name)
            if name.startswith(f"{REPORT}_") and isinstance(
                shown, FigureDataset | TableDataset | PageDataset
            ):
                for file in shown.files:
                    self._run.log_artifact(file, REPORT)
        self._run.log_models(self._models)
        self._close("FINISHED")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Mark the run as failed, with its error."""
        self._run.set_tag("error", f"{type(error).__name__}: {error}")
        self._close("FAILED")

    def _begin(self) -> None:
        self._clocks: dict[str, float] = {}  # when nodes began
        self._epochs: dict[str, int] = {}  # heard of each stage
        self._told: dict[tuple[str, int], float] = {}  # by name and step
        self._last: dict[str, int] = {}  # steps, by name
        self._rest: dict[str, Any] = {}  # metrics that are logged at the end: scores lead the list

    def _close(self, status: str) -> None:
        listen(None)
        self._log((name, value, 0) for name, value in self._rest.items())
        self._run.end(status)
        atexit.unregister(self._run.end)

    def _hear(self, stage: str, row: Mapping[str, float]) -> None:
        """Log an epoch as it ends; those of all trainings of a stage are counted on, as in its history."""
        self._epochs[stage] = self._epochs.get(stage, 0) + 1
        self._log(epoch_metrics(stage, row, self._epochs[stage]))

    def _log_output(self, name: str, data: Any) -> None:
        stage, _, kind = name.rpartition("_")
        if kind == "metrics":
            found = list(stage_metrics(stage, data))
            self._log_scores(found)
            self._rest |= {name: value for name, value in found if not is_score(name)}
            for key in data:
                if isinstance(data[key], str):
                    self._run.set_tag(f"{stage}.{key}", data[key])
        elif kind == "history":
            self._log(curves(stage, data))

    def _log_scores(self, found: Iterable[Score]) -> None:
        self._log((name, value, self._last.get(name, 0)) for name, value in found if is_score(name))

    def _log(self, metrics: Iterable[Metric]) -> None:
        """Log what has not been logged: curves are, while they grow, and a score may end one."""
        new = [one for one in metrics if self._told.get((one[0], one[2])) != one[1]]
        self._told |= {(name, step): value for name, value, step in new}
        self._last |= {name: step for name, _, step in new}
        self._run.log_metrics(new)
