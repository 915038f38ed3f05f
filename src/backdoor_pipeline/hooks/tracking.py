"""One MLflow run per Kedro run: parameters, every node's metrics and seconds, curves, figures."""

import atexit
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.catalog import FigureDataset, PageDataset, TableDataset
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.hooks.mlflow_run import Metric, MlflowRun
from backdoor_pipeline.hooks.mlflow_store import store_of
from backdoor_pipeline.hooks.nodes import RunNodes
from backdoor_pipeline.pipeline_registry import REPORT

Description = tuple[str, dict[str, str], dict[str, Any]]  # a run's name, tags and parameters
TAGS = ("dataset", "model", "attack", "defense", "poison_ratio", "label_map", "seed")


class TrackingHooks:
    """Logs every Kedro run. What a stage put out is logged alike whether it ran now or was reused.

    What other processes put out, under ParallelRunner, is logged at the end by the one that opened the run.
    """

    _nodes: RunNodes | None = None

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the context: settings and experiment are read from it when the run starts."""
        self._context = context

    @hook_impl
    def before_pipeline_run(
        self, run_params: Mapping[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Open the run; log every parameter."""
        settings, project = self._context.config_loader["mlflow"], self._context.project_path
        parameters, pipelines = self._context.config_loader["parameters"], run_params["pipeline_names"]
        name, tags, params = _of_report(parameters) if pipelines == [REPORT] else _of_experiment(parameters)
        tags |= {"pipeline": ",".join(pipelines or ["__default__"]), "git_commit": _git_commit(project)}
        self._run = MlflowRun(store_of(settings, project), name, tags)
        self._run.log_params(params)
        self._seconds: dict[str, float] = {}
        self._nodes = RunNodes(pipeline, catalog)
        atexit.register(self._run.end, "KILLED")

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Start the node's clock."""
        if not (self._nodes and self._nodes.here):
            return
        self._seconds[node.name] = -time.perf_counter()

    @hook_impl
    def after_node_run(self, node: Node, outputs: Mapping[str, Any]) -> None:
        """Log what the node put out."""
        if not (self._nodes and self._nodes.here):
            return
        self._nodes.add(node.name)
        self._seconds[node.name] += time.perf_counter()
        self._run.log_metrics([(f"{node.name}/node_seconds", self._seconds[node.name], 0)])
        for name, data in outputs.items():
            self._log(name, data)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Log what was reused, and the figures; close the run."""
        assert self._nodes is not None
        for node in pipeline.nodes:
            for name in node.outputs if node.name not in self._seconds else ():
                if name.endswith(("_metrics", "_history")):
                    self._log(name, catalog.load(name))
        ran = self._nodes.ran()
        self._run.set_tag("reused", ",".join(node.name for node in pipeline.nodes if node.name not in ran))
        for name in sorted(pipeline.outputs()):
            if name.startswith("figure_"):
                self._run.log_artifact(catalog.load(name), "figures")
        for name in sorted(pipeline.all_outputs()):
            shown = catalog.get(name)
            if name.startswith(f"{REPORT}_") and isinstance(
                shown, FigureDataset | TableDataset | PageDataset
            ):
                for file in shown.files:
                    self._run.log_artifact(file, REPORT)
        self._close("FINISHED")

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Mark the run as failed, with its error."""
        self._run.set_tag("error", f"{type(error).__name__}: {error}")
        self._close("FAILED")

    def _close(self, status: str) -> None:
        self._run.end(status)
        atexit.unregister(self._run.end)

    def _log(self, name: str, data: Any) -> None:
        stage, _, kind = name.rpartition("_")
        if kind == "metrics":
            self._run.log_metrics([(f"{stage}/{key}", value, 0) for key, value in data.items()])
            for key in data:
                if isinstance(data[key], str):
                    self._run.set_tag(f"{stage}.{key}", data[key])
        elif kind == "history":
            self._run.log_metrics(curves(f"{stage}_epochs", data))


def _of_experiment(parameters: Mapping[str, Any]) -> Description:
    experiment = Experiment.model_validate(parameters["experiment"])
    names = artifact_names(experiment)
    tags = {name: str(getattr(experiment.choices, name)) for name in TAGS}
    tags |= {f"artifact.{stage}": name for stage, name in names.items()}
    return names["defend"], tags, flatten(experiment.model_dump(mode="json", exclude={"preparing"}))


def _of_report(parameters: Mapping[str, Any]) -> Description:
    return REPORT, {}, flatten({REPORT: parameters["report"]})


def curves(prefix: str, history: pd.DataFrame) -> list[Metric]:
    """One point per epoch for every column of a history but `epoch` itself."""
    return [
        (f"{prefix}/{column}", value, int(epoch))
        for column in history.columns.drop("epoch")
        for epoch, value in zip(history["epoch"], history[column].tolist(), strict=True)
    ]


def _git_commit(project: Path) -> str:
    answer = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "none"
