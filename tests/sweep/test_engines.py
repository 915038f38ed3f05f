import pytest

from backdoor_pipeline.sweep import local
from backdoor_pipeline.sweep.engine import WorkerDiedError
from backdoor_pipeline.sweep.execution import Job, Outcome, Site
from backdoor_pipeline.sweep.local import LocalEngine
from backdoor_pipeline.sweep.ray_engine import gpu_index

SITE = Site(".", None, 1, ".")
JOB = Job("cell/a", "cell", "evaluate", {}, [], "log")


class Mortal:
    """A worker that dies of its first jobs."""

    deaths = 0
    started: list[int | None] = []  # noqa: RUF012

    def __init__(self, site: Site, gpu: int | None) -> None:
        self.alive = True
        Mortal.started.append(gpu)

    def run(self, job: Job) -> Outcome:
        if Mortal.deaths:
            Mortal.deaths -= 1
            self.alive = False
            raise WorkerDiedError
        return Outcome("done")

    def end(self) -> str:
        return "signal 9"

    def dismiss(self) -> None: ...

    def wait(self) -> None: ...


@pytest.fixture
def mortal(monkeypatch: pytest.MonkeyPatch) -> type[Mortal]:
    monkeypatch.setattr(local, "Worker", Mortal)
    Mortal.started = []
    return Mortal


def test_a_task_whose_worker_died_is_tried_again_in_a_new_one(mortal) -> None:
    mortal.deaths = 2
    engine = LocalEngine(SITE, 1, retries=2, gpus=2)
    assert engine.submit(JOB).result().status == "done"
    assert engine.submit(JOB).result().status == "done"
    assert mortal.started == [0, 1, 0], "a warm worker is kept; workers take turns on the GPUs"
    engine.close()


def test_but_not_for_ever(mortal) -> None:
    mortal.deaths = 3
    engine = LocalEngine(SITE, 1, retries=2)
    with pytest.raises(WorkerDiedError, match=r"died 3 times \(the last time with signal 9\)"):
        engine.submit(JOB).result()
    engine.close()


def test_a_closed_engine_starts_nothing(mortal) -> None:
    engine = LocalEngine(SITE, 1, retries=2)
    engine.close()
    with pytest.raises(RuntimeError):
        engine.submit(JOB)
    assert mortal.started == []


@pytest.mark.parametrize(
    ("assigned", "visible", "index"), [([], None, None), ([], "0,1", None), ([3], None, 3), ([3], "2,3", 1)]
)
def test_the_gpu_that_ray_assigned(assigned, visible, index) -> None:
    assert gpu_index(assigned, visible) == index
