"""One MLflow run, logged to with care: a tracking server that is down never stops a training."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from backdoor_pipeline.base.secrets import redact
from backdoor_pipeline.hooks.life_signs import TAG, LifeSign
from backdoor_pipeline.hooks.mlflow_store import Store

logger = logging.getLogger(__name__)

MAX_PARAMS, MAX_METRICS = 100, 1000  # of one batch, by MLflow's REST API
MAX_TAG, MAX_TOLD = 5000, 200  # characters

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
            told = redact(str(error), run.store.uri).split("\n")[0][:MAX_TOLD]
            logger.warning("MLflow tracking is off for this run: %s: %s", type(error).__name__, told)

    return guarded


class MlflowRun:
    """A run that is logged to while it is `open`.

    Args:
        store: where to.
        name: the run's name.
        tags: its tags.
    """

    def __init__(self, store: Store, name: str, tags: Mapping[str, str]) -> None:
        self.open = True
        self.id = ""
        self.store = store
        self._client: Any = None
        self._sign: LifeSign | None = None
        self._start(name, tags)

    @careful
    def _start(self, name: str, tags: Mapping[str, str]) -> None:
        opened = self._client, experiment_id = self.store.open()
        self._sign = (
            self.store.life_sign()
        )  # before the run: a kill in between leaves none that nobody closes
        made = self._client.create_run(experiment_id, run_name=name, tags={**tags, TAG: self._sign.token})
        self.id = made.info.run_id
        self.store.close_killed(opened)

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
