"""MLflow's store: where it is, the way in, and the runs in it that were killed."""

import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from backdoor_pipeline.base.locks import lock_file, locked
from backdoor_pipeline.base.secrets import guard_logs, redact, without_secrets
from backdoor_pipeline.hooks.best_view import keep_view
from backdoor_pipeline.hooks.life_signs import TAG, LifeSign, see_to_gone, store_key

logger = logging.getLogger(__name__)

# MLflow's own defaults wait minutes for a server that is down, report usage to its makers, and chat.
ENVIRONMENT = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


def tracking_uri(configured: str, project: Path) -> str:
    """`MLFLOW_TRACKING_URI`, else the configured store; a relative sqlite path starts from the project."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or configured
    relative = uri.removeprefix("sqlite:///")
    if relative != uri and not Path(relative).is_absolute():
        return f"sqlite:///{project / relative}"
    return uri


def connect(uri: str) -> Any:
    """MLflow's client of a store; none of its secrets shows in a log from here on."""
    for variable, value in ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    guard_logs(uri)
    from mlflow import MlflowClient

    return MlflowClient(uri)


@dataclass(frozen=True, slots=True)
class Store:
    """One experiment of MLflow in a store.

    Attributes:
        uri: the tracking store; see `tracking_uri`.
        experiment: the name of MLflow's experiment.
        artifacts: where a local store keeps artefacts; a server decides for itself.
    """

    uri: str
    experiment: str
    artifacts: Path

    def open(self) -> tuple[Any, str]:
        """MLflow's client and the experiment's id; both are made where they are missing."""
        if self.uri.startswith("sqlite:"):
            with locked(self.artifacts):  # two first runs at once would both create the tables, and one fail
                client = connect(self.uri)
                return client, _experiment_id(client, self.experiment, self.artifacts.as_uri())
        client = connect(self.uri)
        return client, _experiment_id(client, self.experiment, None)

    def life_sign(self) -> LifeSign:
        """Says, as long as this process lives, that a run of it does."""
        return LifeSign(self._folder, self._key)

    def close_killed(self, opened: tuple[Any, str] | None = None) -> None:
        """Mark runs that were started from this project, and whose process is gone, as KILLED.

        What fails is told, and left to the next run.

        Args:
            opened: what `open` gave, if it was called.
        """
        try:
            if any(self._folder.glob("*")):
                client, experiment_id = opened or self.open()
                see_to_gone(self._folder, self._key, partial(_close, client, experiment_id))
        except Exception as error:
            told = redact(str(error), self.uri).split("\n")[0]
            logger.warning("MLflow runs whose process was killed are still open: %s", told)

    @property
    def _folder(self) -> Path:
        return lock_file(self.artifacts).with_suffix(".runs")

    @property
    def _key(self) -> str:
        return store_key(without_secrets(self.uri), self.experiment, self.artifacts.parent)


def store_of(settings: Mapping[str, str], project: Path) -> Store:
    """The store that `conf/base/mlflow.yml`, or the environment, names."""
    uri = tracking_uri(settings["tracking_uri"], project)
    return Store(uri, settings["experiment"], project / settings["artifacts"])


def _close(client: Any, experiment_id: str, token: str) -> None:
    left = f"attributes.status = 'RUNNING' and tags.{TAG} = '{token}'"
    for run in client.search_runs([experiment_id], left):
        client.set_terminated(run.info.run_id, "KILLED")
        logger.info("Marked the MLflow run %s as KILLED: its process is gone.", run.info.run_id)


def _experiment_id(client: Any, name: str, location: str | None) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        with suppress(MlflowException):  # another run has just created it
            client.create_experiment(name, artifact_location=location)
        found = client.get_experiment_by_name(name)
    with suppress(MlflowException):  # a server may let us log only
        keep_view(client, found)
    return str(found.experiment_id)
