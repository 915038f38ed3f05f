"""The queue, with an engine that builds in this process."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from backdoor_pipeline.experiment.failures import Failures
from backdoor_pipeline.sweep import launch
from backdoor_pipeline.sweep.execution import Job, Outcome
from backdoor_pipeline.sweep.grid import Grid
from backdoor_pipeline.sweep.launch import Launcher, Progress

GRID = Grid(grid={"defense": ["none", "ft"], "seed": [0, 1]}).cells()


class Immediate:
    """Carries out jobs at once, by a function."""

    def __init__(self, work: Callable[[Job], Outcome], slots: int = 1) -> None:
        self.work, self.slots, self.jobs = work, slots, []

    def submit(self, job: Job) -> "Future[Outcome]":
        self.jobs.append(job)
        future: Future[Outcome] = Future()
        try:
            future.set_result(self.work(job))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None: ...


class Silent:
    """Shows nothing."""

    def ended(self, task, outcome) -> None: ...

    def tick(self, progress) -> None: ...


@pytest.fixture
def carry_out(plan, build, layout, tmp_path: Path):
    """Plans the grid and carries it out; returns the progress, the engine and the failures."""

    def run(spoil: Callable[[Job], Outcome | None] = lambda _: None, known=None):
        made = plan(GRID, known)
        names = {task.id: (task.stages, task.cell.names) for task in made.tasks.values()}

        def work(job: Job) -> Outcome:
            if spoiled := spoil(job):
                return spoiled
            stages, artefacts = names[job.id]
            for stage in stages:
                build(stage, artefacts)
            return Outcome("done", seconds=1.0)

        engine = Immediate(work)
        folder = tmp_path / "sweep"
        failures = Failures(folder / "failures")
        progress = Launcher(made, engine, layout, folder, failures, Silent()).run()
        return progress, engine, failures

    return run


def test_everything_is_built_once_and_cells_follow_their_victim(carry_out) -> None:
    progress, engine, failures = carry_out()
    assert progress.done == {"prepare": 1, "poison": 2, "train": 2, "cell": 4}
    assert not failures.read()
    assert len({job.id for job in engine.jobs}) == len(engine.jobs) == 9
    kinds = [job.kind for job in engine.jobs]
    assert kinds.index("cell") < len(kinds) - 1 - kinds[::-1].index("train"), "results come early"
    assert carry_out()[1].jobs == [], "all is there"


def test_a_failure_is_recorded_and_the_others_go_on(carry_out) -> None:
    def spoil(job: Job) -> Outcome | None:
        return Outcome("failed", "it broke") if job.kind == "train" and job.params["seed"] == 1 else None

    progress, engine, failures = carry_out(spoil)
    assert progress.done == {"prepare": 1, "poison": 2, "train": 1, "cell": 2}
    assert progress.failed == {"train": 1}
    assert progress.blocked == {"cell": 2}
    ((id, failure),) = failures.read().items()
    assert id.startswith("train/digits/resnet8-badnets-0.1-s1-")
    assert failure.error == "it broke"
    assert "seed:1" in failure.params
    assert failure.log == f"logs/{id}.log"

    progress, engine, _ = carry_out(known=failures.read())
    assert engine.jobs == [], "what failed is not tried again unasked"
    progress, engine, failures = carry_out()
    assert progress.done == {"train": 1, "cell": 2}
    assert not failures.read(), "success takes the record away"


def test_a_lost_process_is_a_failure(carry_out) -> None:
    def spoil(job: Job) -> Outcome | None:
        if job.kind == "cell":
            raise RuntimeError("gone\nwith details")
        return None

    progress, _, failures = carry_out(spoil)
    assert progress.failed == {"cell": 4}
    assert {one.error for one in failures.read().values()} == {"gone"}


def test_a_task_that_says_done_without_artefacts_has_failed(carry_out) -> None:
    _, _, failures = carry_out(lambda job: Outcome("done") if job.kind == "poison" else None)
    assert all(
        "is not complete: was the configuration changed" in one.error for one in failures.read().values()
    )
    assert len(failures.read()) == 2


def test_what_another_launcher_builds_is_waited_for(carry_out, monkeypatch) -> None:
    monkeypatch.setattr(launch, "BUSY", 0.05)
    monkeypatch.setattr(launch, "TICK", 0.05)
    turned_away: set[str] = set()

    def spoil(job: Job) -> Outcome | None:
        if job.id in turned_away:
            return None
        turned_away.add(job.id)
        return Outcome("busy")

    progress, engine, failures = carry_out(spoil)
    assert progress.done == {"prepare": 1, "poison": 2, "train": 2, "cell": 4}
    assert len(engine.jobs) == 18
    assert not failures.read()


def test_what_another_launcher_has_built_meanwhile_is_not_run(carry_out, plan, build) -> None:
    cells = {cell.names["evaluate"]: cell for cell in plan(GRID).cells}

    def spoil(job: Job) -> Outcome | None:
        for cell in cells.values():  # with the first job, all of it appears
            for stage in ("prepare", "poison", "train", "defend", "evaluate"):
                build(stage, cell.names)
        return None

    progress, engine, _ = carry_out(spoil)
    assert len(engine.jobs) <= engine.slots
    assert progress.done == {"prepare": 1, "poison": 2, "train": 2, "cell": 4}


def test_progress_counts_what_is_left() -> None:
    progress = Progress()
    progress.total["cell"], progress.done["cell"], progress.failed["cell"] = 10, 4, 1
    assert progress.left("cell") == 5
