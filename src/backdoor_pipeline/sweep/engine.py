"""What carries out tasks."""

from concurrent.futures import Future
from typing import Protocol

from backdoor_pipeline.sweep.execution import Job, Outcome


class Engine(Protocol):
    """A place where jobs run. Jobs that die with their process are tried again, a bounded number of times."""

    @property
    def slots(self) -> int:
        """How many jobs are worth handing over at once."""
        ...

    def submit(self, job: Job) -> "Future[Outcome]":
        """Run a job some time. The future raises if its process died once too often."""
        ...

    def close(self) -> None:
        """Stop whatever runs, soon."""
        ...


class WorkerDiedError(Exception):
    """The process that ran a job is gone: killed, out of memory, or crashed."""
