"""One MLflow run, logged to with care: a tracking server that is down never stops a training."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from backdoor_pipeline.base.locks import locked

logger = logging.getLogger(__name__)

# MLflow's own defaults wait minutes for a server that is down, report usage to its makers, and chat.
ENVIRONMENT = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
MAX_PARAMS, MAX_METRICS = 100, 1000  # of one batch, by MLflow's REST API
MAX_TAG = 5000  # characters

P = ParamSpec("P")
Metric = tuple[str, float, int]  # name, value, step


def careful(
    method: Callable[Concatenate["MlflowRun", P], None],
) -> Callable[Concatenate["MlflowRun", P], None]:
    """On any error, warn once and give up tracking; do nothing once given up or ended."""

    @wraps(method)
    def guarded(run: "MlflowRun", *args: P.args, **kwargs: P.kwargs) -> None:
        if not run.open:
            return
        try:
            method(run, *args, **kwargs)
        except Exception as error:
            run.open = False
            logger.warning("MLflow tracking is off for this run: %s: %s", type(error).__name__, _brief(error))

    return guarded


class MlflowRun:
    """A run that is logged to while it is `open`.

    Args:
        uri: the tracking store; see `tracking_uri`.
        experiment: the name of MLflow's experiment.
        artifacts: where a local store keeps artefacts; a server decides for itself.
        name: the run's name.
        tags: its tags.
    """

    def __init__(
        self, uri: str, experiment: str, artifacts: Path, name: str, tags: Mapping[str, str]
    ) -> None:
        self.open = True
        self._client: Any = None
        self.id = ""
        self._start(uri, experiment, artifacts, name, tags)

    @careful
    def _start(self, uri: str, experiment: str, artifacts: Path, name: str, tags: Mapping[str, str]) -> None:
        for variable, value in ENVIRONMENT.items():
            os.environ.setdefault(variable, value)
        from mlflow import MlflowClient

        if uri.startswith("sqlite:"):
            with locked(artifacts):  # two first runs at once would both create the tables, and one fail
                self._client = MlflowClient(uri)
                experiment_id = _experiment_id(self._client, experiment, artifacts.as_uri())
        else:
            self._client = MlflowClient(uri)
            experiment_id = _experiment_id(self._client, experiment, None)
        self.id = self._client.create_run(experiment_id, run_name=name, tags=dict(tags)).info.run_id

    @careful
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log parameters, in batches."""
        from mlflow.entities import Param

        for some in _batches([Param(name, str(value)) for name, value in params.items()], MAX_PARAMS):
            self._client.log_batch(self.id, params=some)

    @careful
    def log_metrics(self, metrics: Iterable[Metric]) -> None:
        """Log numbers, in batches; what is not a finite number is left out."""
        from mlflow.entities import Metric as Entity

        now = int(time.time() * 1000)
        entities = [Entity(name, float(value), now, step) for name, value, step in metrics if _finite(value)]
        for some in _batches(entities, MAX_METRICS):
            self._client.log_batch(self.id, metrics=some)

    @careful
    def set_tag(self, name: str, value: str) -> None:
        """Set a tag."""
        self._client.set_tag(self.id, name, value[:MAX_TAG])

    @careful
    def log_artifact(self, path: Path, folder: str) -> None:
        """Copy a file to the run's artefacts."""
        self._client.log_artifact(self.id, str(path), folder)

    @careful
    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED; closed once, it stays so."""
        self._client.set_terminated(self.id, status)
        self.open = False


def tracking_uri(configured: str, project: Path) -> str:
    """`MLFLOW_TRACKING_URI`, else the configured store; a relative sqlite path starts from the project."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or configured
    relative = uri.removeprefix("sqlite:///")
    if relative != uri and not Path(relative).is_absolute():
        return f"sqlite:///{project / relative}"
    return uri


def _experiment_id(client: Any, name: str, location: str | None) -> str:
    found = client.get_experiment_by_name(name)
    if found is None:
        from mlflow.exceptions import MlflowException

        try:
            return str(client.create_experiment(name, artifact_location=location))
        except MlflowException:  # another run has just created it
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _brief(error: Exception) -> str:
    return str(error).split("\n")[0][:200]
