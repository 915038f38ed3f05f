import logging
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from backdoor_pipeline.hooks.mlflow_run import MlflowRun, tracking_uri
from backdoor_pipeline.hooks.tracking import curves


def test_curves_have_a_point_per_epoch_and_column() -> None:
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25], "asr": [None, 1.0]})
    points = curves("train_epochs", history)
    assert ("train_epochs/loss", 0.25, 2) in points
    assert ("train_epochs/asr", 1.0, 2) in points
    assert len(points) == 4


def test_a_relative_store_starts_from_the_project(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri("sqlite:///mlflow.db", Path("/p")) == "sqlite:////p/mlflow.db"
    assert tracking_uri("sqlite:////abs/mlflow.db", Path("/p")) == "sqlite:////abs/mlflow.db"
    assert tracking_uri("http://server:5000", Path("/p")) == "http://server:5000"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://other")
    assert tracking_uri("sqlite:///mlflow.db", Path("/p")) == "http://other"


def test_long_batches_undefined_numbers_and_an_end_that_stays(tmp_path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run = MlflowRun(uri, "trial", tmp_path / "artifacts", "one", {"attack": "badnets"})
    run.log_params({f"p{i}": i for i in range(150)})
    run.log_metrics([("curve", i, i) for i in range(1200)] + [("nan", float("nan"), 0), ("none", None, 0)])
    (tmp_path / "figure.png").write_bytes(b"png")
    run.log_artifact(tmp_path / "figure.png", "figures")
    run.end("FAILED")
    run.end("KILLED")
    client = MlflowClient(uri)
    stored = client.get_run(run.id)
    assert stored.info.status == "FAILED"
    assert len(stored.data.params) == 150
    assert set(stored.data.metrics) == {"curve"}
    assert len(client.get_metric_history(run.id, "curve")) == 1200
    assert [file.path for file in client.list_artifacts(run.id, "figures")] == ["figures/figure.png"]


def test_a_store_out_of_reach_is_one_warning(caplog: pytest.LogCaptureFixture, tmp_path) -> None:
    with caplog.at_level(logging.WARNING):
        run = MlflowRun("http://127.0.0.1:9", "trial", tmp_path, "one", {})
        run.log_metrics([("loss", 1.0, 0)])
        run.end("FINISHED")
    assert caplog.text.count("MLflow tracking is off") == 1


def test_two_first_runs_at_once_share_a_new_store(tmp_path) -> None:
    code = (
        "import sys, pathlib; from backdoor_pipeline.hooks.mlflow_run import MlflowRun; folder = sys.argv[1];"
        "store, artifacts = f'sqlite:///{folder}/mlflow.db', pathlib.Path(folder, 'artifacts');"
        "run = MlflowRun(store, 'trial', artifacts, 'one', {});"
        "run.end('FINISHED'); print(run.id)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) for _ in "ab"
    ]
    ids = [process.communicate()[0].decode().strip() for process in both]
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert [client.get_run(id).info.status for id in ids] == ["FINISHED", "FINISHED"]
