"""One task in this process: an ordinary Kedro run, its output in a file. All engines end up here."""

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from backdoor_pipeline.base.errors import UserError, user_error
from backdoor_pipeline.base.files import writing
from backdoor_pipeline.base.locks import is_locked, locked
from backdoor_pipeline.base.secrets import redact
from backdoor_pipeline.sweep.grid import Kind


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know of a task; plain values only, so that it travels as JSON."""

    id: str
    kind: Kind
    pipeline: str
    params: dict[str, Any]
    folders: list[str]  # of the artefacts that it is to build
    log: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended. `busy`: another process is building the same; nothing was run."""

    status: Literal["done", "failed", "busy"]
    error: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Site:
    """What all workers of a sweep share; plain values only."""

    project: str
    env: str | None
    threads: int  # of PyTorch: what a CPU computes depends on it, so it is the same in every worker
    folder: str  # the sweep's
    sweep: str = ""  # its name
    run: str = ""  # the id of its own MLflow run
    shared: Sequence[str] = field(default=(), compare=False)  # parameters that its file gives all its runs

    def environment(self) -> dict[str, str]:
        """Environment variables of a worker."""
        source = Path(self.project) / "src"
        paths = [str(source), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": str(self.threads),
            "MKL_NUM_THREADS": str(self.threads),
            "COLUMNS": "160",
        }


def execute(job: Job, site: Site, gpu: int | None = None) -> Outcome:
    """Run a task.

    Args:
        job: the task.
        site: see there.
        gpu: the index, to PyTorch, of the GPU that this process is to use; None: PyTorch's default.
    """
    try:
        return _execute(job, site, gpu)
    except UserError as error:  # there is no place for its lock, or for its log
        return Outcome("failed", str(error))


def _execute(job: Job, site: Site, gpu: int | None) -> Outcome:
    if any(is_locked(Path(folder)) for folder in job.folders):
        return Outcome("busy")
    start = time.perf_counter()
    with output_to(Path(job.log)):
        try:
            _warm(site)
            _use(gpu)
            start = time.perf_counter()  # the cost of a new process is not the task's
            _run(job, site)
        except Exception as error:
            told = user_error(error)
            if told is None:
                print(redact(traceback.format_exc()), file=sys.stderr)
            brief = redact(str(told) if told else f"{type(error).__name__}: {error}")
            print(f"FAILED {job.id}: {brief}", flush=True)
            return Outcome("failed", brief.split("\n")[0], time.perf_counter() - start)
    return Outcome("done", seconds=time.perf_counter() - start)


def _run(job: Job, site: Site) -> None:
    from kedro.framework.session import KedroSession

    from backdoor_pipeline.hooks.membership import member_of
    from backdoor_pipeline.sweep.runner import LockedRunner

    created = KedroSession.create(project_path=site.project, env=site.env, runtime_params=job.params)
    with member_of(site.sweep, site.run, site.shared), created as session:
        assert isinstance(session, KedroSession)
        session.run(pipeline_names=[job.pipeline], runner=LockedRunner(), only_missing_outputs=True)


@cache
def _warm(site: Site) -> None:
    """Once for each process: the project, the number of threads, a tracking store with its tables."""
    import torch
    from kedro.framework.startup import bootstrap_project

    os.chdir(site.project)
    torch.set_num_threads(site.threads)
    bootstrap_project(Path(site.project))
    spare_searches()
    logging.getLogger("kedro_viz").setLevel(logging.ERROR)  # it regrets every runner but Kedro's own
    with locked(Path(site.folder) / "mlflow"):  # two processes that make one database's tables collide
        _open_tracking(site)


def spare_searches() -> None:
    """Say once that a library is not here: Kedro looks for it at every parameter, a thousand times a run."""
    if "ibis" not in sys.modules and find_spec("ibis") is None:
        sys.modules["ibis"] = None  # type: ignore[assignment]  # so Python says it


def _open_tracking(site: Site) -> None:
    from backdoor_pipeline.hooks.mlflow_store import store_of
    from backdoor_pipeline.sweep.layout import config_loader

    store = store_of(config_loader(Path(site.project), site.env)["mlflow"], Path(site.project))
    try:
        store.open()
    except Exception as error:  # the runs will say so too, and go on without
        logging.getLogger(__name__).warning("MLflow: %s", redact(str(error), store.uri))


def _use(gpu: int | None) -> None:
    if gpu is not None:
        import torch

        torch.cuda.set_device(gpu)


@contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Append all that this process puts out, by Python or not, to a file."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    _flush()
    saved = [os.dup(1), os.dup(2)]
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        yield
    finally:
        _flush()
        for descriptor, target in zip(saved, (1, 2), strict=True):
            os.dup2(descriptor, target)
        for descriptor in (log, *saved):
            os.close(descriptor)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
