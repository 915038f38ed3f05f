"""`benchmarks/gpu/run`: on a CPU, with next to nothing to measure, and where Kedro and MLflow are absent."""

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import gpu_tasks
from helpers.parameters import image_methods
from torch.autograd import DeviceType

from backdoor_pipeline.defenses import DEFENSES
from benchmarks.gpu import attacks
from benchmarks.gpu.command import _done, main
from benchmarks.gpu.job import Job
from benchmarks.gpu.pieces import PIECES
from benchmarks.gpu.profiling import counted
from benchmarks.gpu.records import DONE, FAILED, STOPPED, Phase, Record
from benchmarks.gpu.sizes import size_of
from benchmarks.gpu.table import write_table
from benchmarks.gpu.tasks import Task, run_tasks

PROJECT = Path(__file__).parents[1]
ABSENT = ("kedro", "kedro_datasets", "mlflow", "click", "omegaconf")


def tasks(*works) -> list[Task]:
    return [Task(Record("trial", f"{i}", "smoke", 60, 2), work) for i, work in enumerate(works)]


def test_several_run_at_a_time_and_no_more(tmp_path) -> None:
    ended = list(run_tasks(tasks(*[gpu_tasks.note_times] * 3), tmp_path, at_once=2, limit=60))
    assert [record.state for record in ended] == [DONE] * 3
    spans = sorted((record.result["from"], record.result["to"]) for record in ended)
    assert spans[1][0] < spans[0][1], "the second begins before the first ends"
    assert spans[2][0] > spans[0][1], "the third does not"


def test_the_limit_ends_tasks_and_what_they_found_stays(tmp_path) -> None:
    start = time.monotonic()
    ended = list(run_tasks(tasks(*[gpu_tasks.find_then_sleep] * 2), tmp_path, at_once=1, limit=5))
    assert 5 <= time.monotonic() - start < 30
    assert [record.task for record in ended] == ["0"], "the other was never begun"
    kept = Record.load(tmp_path, "trial", "0")
    assert (kept.state, kept.result) == (STOPPED, {"found": 1})


def test_failures_are_told(tmp_path) -> None:
    ended = run_tasks(tasks(gpu_tasks.fail, gpu_tasks.die), tmp_path, at_once=2, limit=60)
    told = {record.task: (record.state, record.error) for record in ended}
    assert told["0"] == (FAILED, "ValueError: no such thing")
    assert told["1"] == (FAILED, "its process ended with 9")


def test_epochs_that_are_not_over_are_extrapolated() -> None:
    phase = Phase(epochs=10)
    for epoch, seconds in ((1, 60.0), (2, 2.0), (3, 2.0), (3, 4.0), (4, 2.0)):  # one is trained once more
        phase.add(epoch, seconds, {"asr": 0.9} if epoch == 3 else {})
    assert phase.seconds == [60, 2, 4, 2]
    assert phase.whole == 68 + 6 * 3
    assert phase.scores == {"epoch": 3, "asr": 0.9}


@pytest.mark.parametrize(("piece", "kept"), [("attacks", True), ("defenses", False)])
def test_of_an_attack_alone_the_epochs_before_count(tmp_path, piece: str, kept: bool) -> None:
    """What is begun anew has no phases yet."""
    phases = {"dbd-warmup": Phase(epochs=2, seconds=[1.0, 1.0])}
    Record(piece, "one", "smoke", 60, 1, state=STOPPED, phases=phases).save(tmp_path)
    again = Task(Record(piece, "one", "smoke", 60, 1), lambda _: None)
    assert not _done(again, tmp_path)
    assert ("dbd-warmup" in again.record.phases) == kept


def test_a_training_that_was_cut_short_goes_on(tmp_path, monkeypatch) -> None:
    def stop(phase: Phase, epoch: int, *more) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        phase.seconds = [123.0]

    first = Job(Record("attacks", "none", "smoke", 60, 1), tmp_path, tmp_path, 1).begin()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Phase, "add", stop)
        attacks.work(first)
    second = Job(Record("attacks", "none", "smoke", 60, 1, phases=first.record.phases), tmp_path, tmp_path, 1)
    attacks.work(second)
    train = second.record.phases["train"]
    assert train.seconds[0] == 123, "the first epoch was not trained again"
    assert len(train.seconds) == train.epochs == 2
    assert 0 <= second.record.result["clean_accuracy"] <= 1
    assert second.record.result["asr"] is None


def test_the_table_is_made_of_what_is_there(tmp_path) -> None:
    page = write_table(tmp_path).read_text()
    assert page.count("not run") == len(PIECES)
    train = Phase(100, [3.0] * 40, {"epoch": 40, "clean_accuracy": 0.5, "asr": 0.25})
    run = partial(Record, piece="attacks", size="full", limit=520, at_once=3)
    stopped = run(task="badnets", state=STOPPED, seconds=520.4, phases={"train": train})
    stopped.machine = {"card": "Card X", "driver": "1.2"}
    for record in (stopped, run(task="ssba", state=FAILED, error="no | room"), run(task="none")):
        record.save(tmp_path)
    (tmp_path / "attacks-blended.json").write_text("{}")  # of another version
    page = write_table(tmp_path).read_text()
    assert "card Card X, driver 1.2" in page
    assert (
        "| badnets | stopped by the limit after 520 s | 40 of 100 | 50.00 | 25.00 | – | ≈ 300 | – |" in page
    )
    assert "| ssba | failed: no / room |" in page
    assert "| none | killed with its command |" in page
    assert "| wanet | not run |" in page
    assert "| blended | not run |" in page
    assert "mean nothing" not in page


def test_the_profiler_events_are_counted() -> None:
    def event(name: str, microseconds: float, device: DeviceType = DeviceType.CPU) -> SimpleNamespace:
        span = SimpleNamespace(elapsed_us=lambda: microseconds)
        return SimpleNamespace(name=name, device_type=device, time_range=span)

    found = counted(
        [
            event("cudaLaunchKernelExC", 5),
            event("cuLaunchKernel", 5),
            event("cudaGraphLaunch", 5),
            event("cudaStreamSynchronize", 2000),
            event("cudaMemcpyAsync", 5),
            event("convolution", 3000, DeviceType.CUDA),
            event("Optimizer.step#SGD.step", 9000, DeviceType.CUDA),
        ]
    )
    assert found == {
        "device_milliseconds": 3, "launches": 2, "graph_launches": 1, "copies": 1, "waits": 1,
        "waiting_milliseconds": 2,
    }  # fmt: skip


def test_the_pieces_fit_their_time_and_have_defenses_of_images() -> None:
    assert all(piece.limit < 9 * 60 for piece in PIECES.values())
    assert sum(piece.limit for piece in PIECES.values()) < 25 * 60
    assert set(PIECES["defenses"].tasks) <= set(image_methods(DEFENSES)) - {"none"}


def test_the_full_size_has_the_settings_of_the_paper(params) -> None:
    experiment, common = size_of("full").experiment("wanet", "ft"), params["budget"]
    training = experiment.training
    assert (experiment.dataset.name, training.model) == ("cifar10_jpeg", "preactresnet18")
    assert training.recipe.epochs == common["training"]["epochs"]
    assert training.recipe.batch_size == common["training"]["batch_size"]
    assert experiment.poisoning.attack.poison_ratio == params["poison_ratio"]
    assert experiment.training.recipe.schedule == common["wanet"]["schedule"]


def test_nothing_is_compiled_if_that_is_asked_for() -> None:
    compiles = [size_of("full", eager=eager).experiment("none").engine.compile for eager in (False, True)]
    assert compiles == ["auto", False]


def test_a_word_that_is_not_known_is_told(tmp_path, capsys) -> None:
    for words in (["speed"], ["engine", "--only", "badnet"]):
        with pytest.raises(SystemExit):
            main(["--data", str(tmp_path), "--out", str(tmp_path), *words])
        assert "unknown: " in capsys.readouterr().err


def test_no_piece_needs_kedro() -> None:
    code = f"import sys\nsys.modules.update(dict.fromkeys({ABSENT!r}))\n"
    code += "".join(f"import benchmarks.gpu.{piece.module}\n" for piece in PIECES.values())
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_runs_without_kedro_and_goes_on_where_it_was(tmp_path) -> None:
    site, out = tmp_path / "site", tmp_path / "out"
    site.mkdir()
    block = f"import sys\nsys.modules.update(dict.fromkeys({ABSENT!r}))\n"  # importing one of them fails
    (site / "sitecustomize.py").write_text(block)
    words = [sys.executable, str(PROJECT / "benchmarks/gpu/run"), "--data", str(tmp_path), "--out", str(out)]
    words += ["--smoke", "attacks", "defenses", "--only", "badnets", "ft"]

    def run() -> str:
        environment = {**os.environ, "PYTHONPATH": str(site)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "defenses ft: done" in run()
    found = json.loads((out / "defenses-ft.json").read_text())["result"]
    assert found["victim_epochs"] == 2
    assert {found[name] is None for name in ("clean_accuracy", "asr", "robust_accuracy")} == {False}
    assert "attacks: 0 of 1 tasks to do" in run(), "what is done is not done again"
    page = (out / "table.md").read_text()
    assert "mean nothing" in page
    assert "| ft | done, smoke |" in page
