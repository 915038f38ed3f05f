"""Bad input, damaged files, kills: a sentence, a rebuild, the same result (P4, P8)."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.source_files import idx, write
from mlflow import MlflowClient

from backdoor_pipeline.models import load_model

SMOKE = ("run", "--env", "smoke")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--params", "attack:ssbaa"], "unknown attack 'ssbaa'"),
        (["--params", "defense:nope"], "unknown defense 'nope'"),
        (["--params", "model:resnet9"], "unknown model 'resnet9'"),
        (["--params", "dataset:imagnet"], "unknown data set 'imagnet'"),
        (["--params", "attacks.badnets.patch_siz:3"], "did you mean 'patch_size'?"),
        (["--params", "poison_ratio:0"], "poison_ratio is 0"),
        (["--params", "poison_ratio:a lot"], "poison_ratio is 'a lot'"),
        (["--params", "target_label:10"], "target_label 10 is out of range"),
        (["--params", "dataset:cifar10"], "kedro data fetch cifar10"),
        (["--params", "attack:sig,poison_ratio:0.1"], "the largest feasible ratio is 0.09948"),
        (["--params", "clean_ratio:0.0001"], "clean_ratio 0.0001 of 1,347 samples is none"),
        (["--params", "defense:abl,defenses.abl.isolation_ratio:0.0001"], "isolation_ratio 0.0001 of 1,347"),
        (["--params", "datasets.digits.num_classes:11"], "set `num_classes: 10`"),
        (["--params", "attack"], "not of the form key:value"),
        (["--pipeline", "defence"], "unknown pipeline 'defence'"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(kedro, project, words, sentence) -> None:
    before = sorted(project.rglob("*"))
    done = kedro("run", *words, check=False)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert sorted(project.rglob("*")) == before


def weights(project: Path) -> dict[str, bytes]:
    files = (project / "data/06_models").rglob("model.safetensors")
    return {
        f"{file.parent.name}/{name}": tensor.numpy().tobytes()
        for file in files
        for name, tensor in load_model(file)[0].state_dict().items()
    }


@pytest.fixture(scope="module")
def undisturbed(kedro, project) -> dict[str, bytes]:
    """The weights of a run that nothing disturbed."""
    kedro(*SMOKE)
    return weights(project)


def test_damaged_artefacts_are_set_aside_and_rebuilt(undisturbed, kedro, project) -> None:
    (rows,) = (project / "data/02_poisoned").rglob("train.parquet")
    (model,) = (project / "data/06_models").rglob("resnet8-*/model.safetensors")
    for file in (rows, model):
        os.truncate(file, file.stat().st_size // 2)
    (history,) = (project / "data/06_models").rglob("ft-*/history.parquet")
    pd.DataFrame({"other": [1]}).to_parquet(history)
    (scores,) = (project / "data/08_reporting").rglob("ft-*/metrics.json")
    was = json.loads(scores.read_text())
    scores.write_text(scores.read_text().replace(str(was["der"]), str(was["der"] + 0.25)))
    record = scores.with_name("result.json")
    record.write_text("{}")
    done = kedro(*SMOKE)
    for file in (rows, model, history, scores, record):
        assert f"{file.name} cannot be used" in " ".join((done.stdout + done.stderr).split())
    assert len(list(project.rglob("*.corrupt-*"))) == 5
    assert weights(project) == undisturbed
    assert json.loads(scores.read_text())["der"] == was["der"]
    assert json.loads(record.read_text())["der"] == was["der"]


def test_what_other_processes_carried_out_was_not_reused(kedro, project) -> None:
    words = [*SMOKE, "--pipeline", "poison", "--runner", "ParallelRunner", "--params", "seed:7"]
    assert "poison (reused)" not in kedro(*words).stdout
    assert "poison (reused)" in kedro(*words).stdout


def test_a_killed_run_resumes_to_the_same_weights(undisturbed, kedro, project) -> None:
    (folder,) = (project / "data/06_models").rglob("resnet8-badnets-*")
    (folder / "model.safetensors").unlink()
    for file in (project / "data/06_models").rglob("ft-*/model.safetensors"):
        file.unlink()
    words = [*SMOKE, "--params", "engine.checkpoint_every:1"]
    run = subprocess.Popen(
        [sys.executable, "-m", "kedro", *words],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoint = folder / "checkpoints/train.safetensors"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert checkpoint.exists()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not (folder / "model.safetensors").exists()
    kedro(*words)
    assert weights(project) == undisturbed
    assert not checkpoint.exists(), "a finished model needs no checkpoints"
    statuses = [run.info.status for run in MlflowClient(f"sqlite:///{project}/mlflow.db").search_runs(["1"])]
    assert statuses.count("KILLED") == 1
    assert "RUNNING" not in statuses


def test_damaged_labels_are_told_before_anything_is_written(kedro, project) -> None:
    folder = project / "data/01_raw/fashion_mnist"
    folder.mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{part}-ubyte.gz").write_bytes(b"\x1f\x8b\x08\x00 not much of an archive")
    before = sorted(project.rglob("*"))
    done = kedro(*SMOKE, "--params", "dataset:fashion_mnist", check=False)
    assert done.returncode == 1
    assert "train-labels-idx1-ubyte.gz is damaged" in done.stderr
    assert sorted(project.rglob("*")) == before


def test_a_damaged_data_set_is_a_sentence_and_a_failed_run(kedro, project) -> None:
    folder = project / "data/01_raw/fashion_mnist"
    for part in ("train", "t10k"):
        write(folder / f"{part}-labels-idx1-ubyte.gz", gzip.compress(idx(np.arange(100) % 10)))
        write(folder / f"{part}-images-idx3-ubyte.gz", b"\x1f\x8b\x08\x00 not much of an archive")
    done = kedro(*SMOKE, "--params", "dataset:fashion_mnist", check=False)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert "fashion_mnist" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    (last, *_) = client.search_runs(["1"], order_by=["start_time DESC"])
    assert last.info.status == "FAILED"
    assert "fashion_mnist" in last.data.tags["error"]


def test_a_tracking_server_that_is_down_stops_nothing(kedro, project) -> None:
    done = kedro(*SMOKE, "--params", "seed:1", MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert "MLflow tracking is off" in done.stdout + done.stderr
    assert "C-Acc" in done.stdout
