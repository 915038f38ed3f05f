"""The local engine: a pool of warm worker processes on this machine."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict

from backdoor_pipeline.sweep.engine import WorkerDiedError
from backdoor_pipeline.sweep.execution import Job, Outcome, Site
from backdoor_pipeline.sweep.worker import PATIENCE


class LocalEngine:
    """Worker processes, each led by a thread of this one.

    Args:
        site: what the workers share.
        workers: how many; each starts with its first job.
        retries: how often a job is tried again after its worker died.
        gpus: how many GPUs the workers take turns on.
    """

    def __init__(self, site: Site, workers: int, retries: int, gpus: int = 0) -> None:
        self._site, self._workers, self._retries, self._gpus = site, workers, retries, gpus
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._led = threading.local()
        self._running: list[Worker] = []
        self._lock = threading.Lock()
        self._started = 0
        self._closed = False

    @property
    def slots(self) -> int:
        """One for each worker."""
        return self._workers

    def submit(self, job: Job) -> "Future[Outcome]":
        """See `Engine.submit`."""
        return self._threads.submit(self._lead, job)

    def close(self) -> None:
        """Ask all workers to stop, and see that they do."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._running:
            worker.dismiss()
        for worker in self._running:
            worker.wait()

    def _lead(self, job: Job) -> Outcome:
        end = ""
        for _ in range(self._retries + 1):
            worker: Worker | None = getattr(self._led, "worker", None)
            if worker is None or not worker.alive:
                worker = self._led.worker = self._start()
            try:
                return worker.run(job)
            except WorkerDiedError:
                end = worker.end()
        times = f"{self._retries + 1} times (the last time with {end})"
        raise WorkerDiedError(f"its worker died {times}: if it was for memory, use fewer --workers")

    def _start(self) -> "Worker":
        with self._lock:
            if self._closed:
                raise WorkerDiedError("the sweep was stopped")
            gpu = self._started % self._gpus if self._gpus else None
            worker = Worker(self._site, gpu)
            self._started += 1
            self._running.append(worker)
            return worker


class Worker:
    """The launcher's end of a worker process.

    Args:
        site: what the workers share.
        gpu: which GPU is its own.
    """

    def __init__(self, site: Site, gpu: int | None) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "backdoor_pipeline.sweep.worker",
                json.dumps({"site": asdict(site), "gpu": gpu}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **site.environment()},
            start_new_session=True,  # Ctrl-C is for the launcher, which then dismisses its workers
        )

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def run(self, job: Job) -> Outcome:
        """Have it run a job, and wait.

        Raises:
            WorkerDiedError: it is gone.
        """
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(json.dumps(asdict(job)) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except (OSError, ValueError):  # a broken or a closed pipe
            answer = ""
        if not answer.endswith("\n"):
            raise WorkerDiedError
        return Outcome(**json.loads(answer))

    def dismiss(self) -> None:
        """End its input, upon which it stops."""
        assert self._process.stdin
        with suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> None:
        """Wait until it has stopped, but not for long."""
        try:
            self._process.wait(PATIENCE + 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def end(self) -> str:
        """How it ended."""
        code = self._process.wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"
