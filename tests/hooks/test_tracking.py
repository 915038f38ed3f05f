import logging

import pandas as pd
import pytest
from helpers.mlflow_stores import store_in
from kedro.pipeline import Node
from mlflow import MlflowClient

from backdoor_pipeline.hooks.mlflow_run import MlflowRun
from backdoor_pipeline.hooks.tracking import TrackingHooks, curves


def test_curves_have_a_point_per_epoch_and_column() -> None:
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25], "asr": [None, 1.0]})
    points = curves("train_epochs", history)
    assert ("train_epochs/loss", 0.25, 2) in points
    assert ("train_epochs/asr", 1.0, 2) in points
    assert len(points) == 4


def test_a_process_that_opened_no_run_logs_nothing() -> None:
    node = Node(lambda given: given, "given", "train_metrics", name="train")
    TrackingHooks().before_node_run(node)
    TrackingHooks().after_node_run(node, {"train_metrics": {"asr": 0.5}})


def test_long_batches_undefined_numbers_and_an_end_that_stays(store, tmp_path) -> None:
    run = MlflowRun(store, "one", {"attack": "badnets"})
    run.log_params({f"p{i}": i for i in range(150)})
    run.log_metrics([("curve", i, i) for i in range(1200)] + [("nan", float("nan"), 0), ("none", None, 0)])
    (tmp_path / "figure.png").write_bytes(b"png")
    run.log_artifact(tmp_path / "figure.png", "figures")
    run.end("FAILED")
    run.end("KILLED")
    client = MlflowClient(store.uri)
    stored = client.get_run(run.id)
    assert stored.info.status == "FAILED"
    assert len(stored.data.params) == 150
    assert set(stored.data.metrics) == {"curve"}
    assert len(client.get_metric_history(run.id, "curve")) == 1200
    assert [file.path for file in client.list_artifacts(run.id, "figures")] == ["figures/figure.png"]


def test_a_store_out_of_reach_is_one_warning(caplog: pytest.LogCaptureFixture, tmp_path) -> None:
    with caplog.at_level(logging.WARNING):
        run = MlflowRun(store_in(tmp_path, "http://127.0.0.1:9"), "one", {})
        run.log_metrics([("loss", 1.0, 0)])
        run.end("FINISHED")
    assert caplog.text.count("MLflow tracking is off") == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://me:pa55word@127.0.0.1:9",
        "http://127.0.0.1:9/x?token=pa55word",
        "http://me:pa55/word@127.0.0.1:9",
        "http://pa55word@127.0.0.1:9",
        "weird://me:pa55word@host",
        "postgresql://me:pa55word@127.0.0.1:9/db",
    ],
)
def test_no_secret_of_a_store_out_of_reach_is_told(address, tmp_path, caplog, capfd) -> None:
    run = MlflowRun(store_in(tmp_path, address), "one", {})
    assert not run.open
    assert "MLflow tracking is off" in caplog.text
    told = caplog.text + "".join(capfd.readouterr())
    assert "pa55" not in told
    assert "word" not in told


def test_an_errors_tag_has_no_secret(store, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pa55word")
    run = MlflowRun(store, "one", {})
    run.set_tag("error", "no answer from https://me:0ther@host/api?token=abc with pa55word")
    stored = MlflowClient(store.uri).get_run(run.id)
    assert stored.data.tags["error"] == "no answer from https://***@host/api?token=*** with ***"
    run.end("FAILED")
