"""One MLflow run, logged to with care: a tracking server that is down never stops a training."""

import json
import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from backdoor_pipeline.base.secrets import redact
from backdoor_pipeline.hooks.life_signs import TAG, LifeSign
from backdoor_pipeline.hooks.metric_names import Metric
from backdoor_pipeline.hooks.mlflow_store import Store

logger = logging.getLogger(__name__)

MAX_PARAMS, MAX_METRICS = 100, 1000  # of one batch, by MLflow's REST API
MAX_TAG, MAX_TOLD = 5000, 200  # characters

UNFIT = re.compile(r"""[/:.%"']""")  # in a model's name, to MLflow
EXTERNAL = {"mlflow.model.isExternal": "true"}  # MLflow keeps no copy of the weights

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Data:
    """A data set that a run works on; `role` says what it is to the run, `folder` where it is kept."""

    name: str
    digest: str
    role: str
    folder: str


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a run has; `folder` is where it is kept."""

    name: str
    folder: str


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
            told = redact(str(error), run.store.uri).split("\n")[0][:MAX_TOLD]
            logger.warning("MLflow tracking is off for this run: %s: %s", type(error).__name__, told)

    return guarded


class MlflowRun:
    """A run that is logged to while it is `open`.

    Args:
        store: where to.
        name: the run's name.
        tags: its tags.
        again: tags by which an earlier run is found that is to go on in place of a new one.
    """

    def __init__(
        self, store: Store, name: str, tags: Mapping[str, str], again: Mapping[str, str] | None = None
    ) -> None:
        self.open = True
        self.id = ""
        self.experiment = ""
        self.store = store
        self._client: Any = None
        self._sign: LifeSign | None = None
        self._start(name, tags, again or {})

    @careful
    def _start(self, name: str, tags: Mapping[str, str], again: Mapping[str, str]) -> None:
        opened = self._client, self.experiment = self.store.open()
        # before the run: a kill in between leaves none that nobody closes
        self._sign = self.store.life_sign()
        tags = {**tags, TAG: self._sign.token}
        self.id = self._earlier(again)
        if self.id:
            self._client.update_run(self.id, status="RUNNING")
            for tag, value in tags.items():
                self._client.set_tag(self.id, tag, value)
        else:
            made = self._client.create_run(self.experiment, run_name=name, tags=tags)
            self.id = made.info.run_id
        self.store.close_killed(opened)

    def _earlier(self, tags: Mapping[str, str]) -> str:
        wanted = " and ".join(f"tags.{name} = '{value}'" for name, value in tags.items())
        found = self._client.search_runs([self.experiment], wanted, max_results=1) if wanted else []
        return found[0].info.run_id if found else ""

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
    def log_data(self, data: Iterable[Data]) -> None:
        """Log what the run works on."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(one.name, one.digest, "local", json.dumps({"uri": one.folder})),
                [InputTag("mlflow.data.context", one.role)],
            )
            for one in data
        ]
        if inputs:
            self._client.log_inputs(self.id, datasets=inputs)

    @careful
    def log_models(self, models: Iterable[Model]) -> None:
        """Log what models came out; MLflow's table of runs shows the last one first."""
        from mlflow.entities import LoggedModelOutput

        made = []
        for one in models:
            name = UNFIT.sub("_", one.name)
            model = self._client.create_logged_model(
                self.experiment, name, self.id, tags={**EXTERNAL, "folder": one.folder}
            )
            self._client.finalize_logged_model(model.model_id, "READY")
            made.append(LoggedModelOutput(model.model_id, 0))
        if made:
            self._client.log_outputs(self.id, made)

    @careful
    def set_tag(self, name: str, value: str) -> None:
        """Set a tag."""
        self._client.set_tag(self.id, name, redact(value, self.store.uri)[:MAX_TAG])

    @careful
    def log_artifact(self, path: Path, folder: str) -> None:
        """Copy a file to the run's artefacts."""
        self._client.log_artifact(self.id, str(path), folder)

    @careful
    def end(self, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED; closed once, it stays so."""
        self._client.set_terminated(self.id, status)
        self.open = False
        if self._sign:
            self._sign.end()


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
