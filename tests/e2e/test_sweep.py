"""`kedro sweep` as users type it, killed in the middle, and by both engines."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

SMALL = ("--params", "epochs:1,defenses.ft.recipe.epochs:1,engine.checkpoint_every:1,engine.precision:fp32")
GRID = ("--grid", "attack=badnets,none", "--grid", "defense=none,ft", "--threads", "1", *SMALL)
BUILT = re.compile(r"built \w+: \S*?/data/(\S+)")


def builds(project: Path) -> Counter[str]:
    """How often each artefact was completed, from the tasks' logs."""
    logs = (project / "data/08_reporting/sweeps").rglob("*.log")
    return Counter(found for log in logs for found in BUILT.findall(log.read_text().replace("\n", " ")))


def results(project: Path) -> pd.DataFrame:
    """The table, without what differs between runs."""
    frame = pd.read_parquet(project / "data/08_reporting/results.parquet")
    frame = frame[[name for name in frame if not name.endswith("seconds")]]
    return frame.sort_values("artifact.evaluate").reset_index(drop=True)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found


def wait_for(condition: Callable[[], object], launcher: "subprocess.Popen[bytes]") -> None:
    """Until something is so, while the launcher lives."""
    deadline = time.monotonic() + 120
    while not condition():
        assert launcher.poll() is None, "it ended too soon"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(project: Path) -> "subprocess.Popen[bytes]":
    """A sweep in the background."""
    words = [sys.executable, "-m", "kedro", "sweep", *GRID, "--workers", "1"]
    return subprocess.Popen(words, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def disturbed(
    kedro: Callable[..., subprocess.CompletedProcess[str]], project: Path
) -> subprocess.CompletedProcess[str]:
    """A sweep whose worker and whose launcher are killed, and the sweep that goes on from there."""
    launcher = start(project)
    try:
        wait_for(lambda: list((project / "data/02_poisoned/digits").glob("*/metrics.json")), launcher)
        first_files = {
            file: file.stat().st_mtime_ns for file in (project / "data/02_poisoned").rglob("metrics.json")
        }
        (worker,) = children(launcher.pid)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: list((project / "data/06_models/digits").glob("resnet8-*/metrics.json")), launcher)
        (worker,) = children(launcher.pid)
    finally:
        launcher.kill()
        launcher.wait()
    done = kedro("sweep", *GRID, "--workers", "1")
    assert not Path(f"/proc/{worker}/stat").exists(), "workers end with their launcher"
    done.first_files = first_files
    return done


def test_killed_sweeps_go_on_and_build_nothing_twice(disturbed, project) -> None:
    assert "4 of 4 cells are in" in disturbed.stdout
    counts = builds(project)
    assert set(counts.values()) == {1}
    made = {
        str(file.parent.relative_to(project / "data"))
        for file in project.glob("data/0*/digits/*/metrics.json")
    }
    rooms = Counter(path.split("/")[0] for path in made)
    assert rooms == {"02_poisoned": 2, "06_models": 1 + 2 + 4, "08_reporting": 4}
    # a worker killed between its last file and its word of it leaves an artefact that no log names: at most
    # one for either kill, and then those files are still the first ones
    assert len(made - counts.keys()) <= 2
    for file, written in disturbed.first_files.items():
        assert file.stat().st_mtime_ns == written


def test_the_table_has_what_the_metrics_files_say(disturbed, project) -> None:
    frame = pd.read_parquet(project / "data/08_reporting/results.parquet")
    assert len(frame) == 4
    for _, row in frame.iterrows():
        file = project / "data/08_reporting" / row["artifact.evaluate"] / "metrics.json"
        metrics = json.loads(file.read_text())
        assert row["clean_accuracy_after"] == metrics["clean_accuracy_after"]
        assert row["train_seconds"] > 0


def test_no_mlflow_run_of_a_killed_process_stays_open(disturbed, project) -> None:
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    statuses = {run.info.status for run in client.search_runs(["1"])}
    assert "FINISHED" in statuses
    assert "RUNNING" not in statuses


def test_mlflow_shows_each_cell_once_below_the_sweep(disturbed, project) -> None:
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    (sweep,) = client.search_runs(["1"], "tags.kind = 'sweep'")
    assert "/#/experiments/1/runs?workflowType=machine_learning" in disturbed.stdout
    assert sweep.info.status == "FINISHED", "the sweep that went on is the one that was killed"
    assert "attack: badnets, none" in sweep.data.tags["grid"]
    cells = client.search_runs(["1"], "tags.kind = 'experiment' and attributes.status = 'FINISHED'")
    assert len({run.info.run_name for run in cells}) == len(cells) == 4
    for run in client.search_runs(["1"], "tags.kind != 'sweep'"):
        assert run.data.tags["mlflow.parentRunId"] == sweep.info.run_id
        assert run.data.tags["kind"] == "experiment" or run.info.run_name.startswith(
            ("prepare: ", "poison: ", "train: ")
        )


def test_a_finished_sweep_does_nothing(disturbed, kedro, project) -> None:
    before = builds(project)
    done = kedro("sweep", *GRID)
    assert "4 cells, 4 of them finished" in done.stdout
    assert builds(project) == before


def test_a_dry_run_writes_nothing(disturbed, kedro, project) -> None:
    before = sorted(project.rglob("*"))
    done = kedro("sweep", "--grid", "attack=badnets,nope", "--grid", "seed=0,7", *SMALL, "--dry-run")
    assert "unknown attack 'nope'" in done.stdout
    assert "Estimate: " in done.stdout
    told = done.stdout.splitlines()
    assert "in every cell: epochs:1, 1 of defenses, 2 of engine" in done.stdout
    assert "cell attack:badnets,seed:7" in told, "nothing that all cells have"
    assert sorted(project.rglob("*")) == before


def test_a_failing_cell_is_told_recorded_and_tried_again_when_asked(disturbed, kedro, project) -> None:
    grid = (
        "--grid",
        "attack=none",
        "--grid",
        "defense=ft",
        "--grid",
        "defenses.ft.recipe.lr=0.02,1.0e+30",  # shows only once it has begun
        "--threads",
        "1",
        *SMALL,
        "--workers",
        "1",
    )
    done = kedro("sweep", *grid, check=False)
    assert done.returncode == 1
    assert "1 of 2 cells are in" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    retried = kedro("sweep", *grid, "--retry-failed", check=False)
    assert retried.returncode == 1
    assert "1/1 failed" in retried.stdout


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is an optional extra")
def test_ray_gives_the_same_numbers_to_the_bit(disturbed, kedro, project, tmp_path) -> None:
    local = results(project)
    (project / "data").rename(tmp_path / "data")
    kedro("sweep", *GRID, "--engine", "ray", "--address", "local", "--workers", "1")
    ray = results(project)
    same = [name for name in ray if name in local]
    pd.testing.assert_frame_equal(
        local[local["artifact.evaluate"].isin(ray["artifact.evaluate"])][same], ray[same]
    )
    models = sorted((project / "data/06_models").rglob("model.safetensors"))
    assert len(models) == 6
    for model in models:
        assert model.read_bytes() == (tmp_path / model.relative_to(project)).read_bytes()
