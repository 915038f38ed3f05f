"""The queue: hands tasks to an engine as soon as what they need is there, and minds how they end."""

import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from typing import Protocol

from backdoor_pipeline.experiment.failures import Failure, Failures
from backdoor_pipeline.sweep.engine import Engine
from backdoor_pipeline.sweep.execution import Job, Outcome
from backdoor_pipeline.sweep.grid import Kind
from backdoor_pipeline.sweep.layout import Layout
from backdoor_pipeline.sweep.plan import Plan, Task, describe

KINDS: tuple[Kind, ...] = ("prepare", "poison", "train", "cell")
BUSY = 2.0  # seconds until a task is tried again that another launcher is carrying out
TICK = 0.5  # seconds between looks at the clock


@dataclass(slots=True)
class Progress:
    """Tasks by kind, and what finished ones took."""

    total: Counter[str] = field(default_factory=Counter)
    running: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    blocked: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 0.0))

    def left(self, kind: str) -> int:
        """How many tasks of a kind have yet to end."""
        return self.total[kind] - self.done[kind] - self.failed[kind] - self.blocked[kind]


class Watcher(Protocol):
    """What shows the progress."""

    def ended(self, task: Task, outcome: Outcome) -> None:
        """A task has ended."""
        ...

    def tick(self, progress: Progress) -> None:
        """Some time has passed."""
        ...


class Launcher:
    """Carries out a plan.

    Args:
        plan: what to do.
        engine: what does it.
        layout: where artefacts are.
        folder: the sweep's, for logs.
        failures: where failures are recorded.
        watcher: shows the progress.
    """

    def __init__(
        self, plan: Plan, engine: Engine, layout: Layout, folder: Path, failures: Failures, watcher: Watcher
    ) -> None:
        self._tasks, self._engine, self._layout = plan.tasks, engine, layout
        self._folder, self._failures, self._watcher = folder, failures, watcher
        self._needs = {id: set(task.needs) for id, task in plan.tasks.items()}
        self._serves: dict[str, list[str]] = {}
        for id, needs in self._needs.items():
            for need in needs:
                self._serves.setdefault(need, []).append(id)
        self._order = {id: place for place, id in enumerate(plan.tasks)}
        self._ready: list[tuple[float, int, int, str]] = []
        self._flying: dict[Future[Outcome], str] = {}
        self.progress = Progress(total=Counter(task.kind for task in plan.tasks.values()))

    def run(self) -> Progress:
        """Carry out all tasks; those that need a failed one are left out."""
        for id, needs in self._needs.items():
            if not needs:
                self._push(id)
        while self._ready or self._flying:
            self._submit()
            finished, _ = wait(self._flying, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in finished:
                self._land(self._tasks[self._flying.pop(future)], _outcome(future))
            self._watcher.tick(self.progress)
        return self.progress

    def _push(self, id: str, delay: float = 0.0) -> None:
        """Cells go before trainings, so that results come early; what was busy comes back after a while."""
        when = time.monotonic() + delay if delay else 0.0
        heappush(self._ready, (when, -KINDS.index(self._tasks[id].kind), self._order[id], id))

    def _submit(self) -> None:
        while len(self._flying) < self._engine.slots and self._ready and self._ready[0][0] < time.monotonic():
            task = self._tasks[heappop(self._ready)[-1]]
            self.progress.running[task.kind] += 1
            if self._built(task):  # by another launcher, in the meantime
                self._land(task, Outcome("done"))
            else:
                self._flying[self._engine.submit(self._job(task))] = task.id
        if not self._flying and self._ready:
            time.sleep(TICK)

    def _land(self, task: Task, outcome: Outcome) -> None:
        self.progress.running[task.kind] -= 1
        if outcome.status == "busy":
            self._push(task.id, BUSY)
            return
        if outcome.status == "done" and not self._built(task):
            why = "is not complete: was the configuration changed meanwhile?"
            outcome = Outcome("failed", f"it ended well, but {task.artifact} {why}")
        self._watcher.ended(task, outcome)
        if outcome.status == "done":
            self._succeed(task, outcome)
        else:
            self._fail(task, outcome)

    def _succeed(self, task: Task, outcome: Outcome) -> None:
        self.progress.done[task.kind] += 1
        self.progress.seconds[task.kind] += outcome.seconds
        self._failures.forget(task.id)
        for id in self._serves.get(task.id, []):
            self._needs[id].discard(task.id)
            if not self._needs[id]:
                self._push(id)

    def _fail(self, task: Task, outcome: Outcome) -> None:
        self.progress.failed[task.kind] += 1
        log = str(self._log(task).relative_to(self._folder))
        self._failures.record(Failure(task.id, outcome.error, describe(task.cell.params), log))
        self._block(task.id)

    def _block(self, id: str) -> None:
        for served in self._serves.get(id, []):
            self.progress.blocked[self._tasks[served].kind] += 1
            self._block(served)

    def _built(self, task: Task) -> bool:
        return all(self._layout.exists(stage, task.cell.names) for stage in task.stages)

    def _job(self, task: Task) -> Job:
        folders = [str(self._layout.folder(stage, task.cell.names)) for stage in task.stages]
        log = str(self._log(task))
        return Job(task.id, task.kind, task.pipeline, task.cell.params, sorted(set(folders)), log)

    def _log(self, task: Task) -> Path:
        return self._folder / "logs" / f"{task.id}.log"


def _outcome(future: "Future[Outcome]") -> Outcome:
    try:
        return future.result()
    except (Exception, CancelledError) as error:  # the engine's: the process, or the node, is lost
        text = str(error).split("\n")[0] or type(error).__name__
        return Outcome("failed", text)
