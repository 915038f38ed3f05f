import importlib
import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from backdoor_pipeline.sweep import execution, local
from backdoor_pipeline.sweep.engine import WorkerDiedError
from backdoor_pipeline.sweep.execution import Job, Outcome, Site, execute
from backdoor_pipeline.sweep.local import LocalEngine
from backdoor_pipeline.sweep.ray_engine import _tracking, gpu_index

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


def test_a_worker_ends_in_order_when_its_launcher_is_gone_that_a_script_started_in_the_background() -> None:
    given = json.dumps({"site": asdict(SITE), "gpu": None})
    words = [sys.executable, "-m", "backdoor_pipeline.sweep.worker", given]
    shell = ["sh", "-c", '"$@" < /dev/null & wait $!', "sh"]  # what it starts so ignores SIGINT
    done = subprocess.run([*shell, *words], check=False, timeout=60)
    assert done.returncode == 130, "1: it went on for a while, and was then cut off"


@pytest.mark.parametrize(
    ("assigned", "visible", "index"), [([], None, None), ([], "0,1", None), ([3], None, 3), ([3], "2,3", 1)]
)
def test_the_gpu_that_ray_assigned(assigned, visible, index) -> None:
    assert gpu_index(assigned, visible) == index


def test_ray_is_told_of_the_tracking_server_but_not_how_to_get_in(monkeypatch, caplog) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert _tracking() == {"MLFLOW_TRACKING_URI": "http://host:5000"}
    assert not caplog.text
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:pa55word@host:5000/x?token=abc")
    assert _tracking() == {"MLFLOW_TRACKING_URI": "https://host:5000/x"}
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in caplog.text
    assert "pa55" not in caplog.text
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert _tracking() == {}


def test_a_task_without_a_place_for_its_log_fails_with_a_sentence(tmp_path) -> None:
    (tmp_path / "file").touch()
    job = Job("train/digits/a", "train", "train", {}, [], str(tmp_path / "file/log"))
    outcome = execute(job, Site(str(tmp_path), None, 1, str(tmp_path)))
    assert outcome.status == "failed"
    assert f"{tmp_path}/file/log cannot be written" in outcome.error


def test_a_library_that_kedro_looks_for_at_every_parameter_is_told_to_be_absent(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "ibis", raising=False)
    monkeypatch.setattr(execution, "find_spec", lambda name: None)
    execution.spare_searches()
    with pytest.raises(ImportError):
        importlib.import_module("ibis")
    monkeypatch.delitem(sys.modules, "ibis")
    monkeypatch.setattr(execution, "find_spec", lambda name: object())
    execution.spare_searches()
    assert "ibis" not in sys.modules


def test_a_site_is_the_same_after_its_way_to_a_worker() -> None:
    site = Site(".", None, 1, ".", shared=("epochs",))
    arrived = Site(**json.loads(json.dumps(asdict(site))))
    assert hash(arrived) == hash(site), "what a worker does once for each site is done once"
    assert "epochs" in arrived.shared
