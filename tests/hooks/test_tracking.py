import logging

import pandas as pd
import pytest
from helpers.mlflow_stores import store_in
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from mlflow import MlflowClient

from backdoor_pipeline.hooks.mlflow_run import Data, MlflowRun, Model
from backdoor_pipeline.hooks.nodes import RunNodes
from backdoor_pipeline.hooks.outcome import OutcomeHooks
from backdoor_pipeline.hooks.tracking import TrackingHooks
from backdoor_pipeline.training.progress import announce

TRAIN = Node(lambda given: (given, given), "given", ["train_history", "train_metrics"], name="train")


def test_a_process_that_opened_no_run_logs_nothing() -> None:
    node = Node(lambda given: given, "given", "train_metrics", name="train")
    TrackingHooks(OutcomeHooks()).before_node_run(node)
    TrackingHooks(OutcomeHooks()).after_node_run(node, {"train_metrics": {"asr": 0.5}})


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


def test_data_are_told_by_name_digest_and_role(store) -> None:
    run = MlflowRun(store, "one", {})
    run.log_data([Data("digits", "0123abcd", "clean", "digits")])
    run.end("FINISHED")
    (given,) = MlflowClient(store.uri).get_run(run.id).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("digits", "0123abcd")
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "clean")]


def test_models_are_told_by_name_and_folder(store) -> None:
    run = MlflowRun(store, "one", {})
    run.log_models([Model("ft-mine/v1.5", "digits/ft-mine"), Model("mine", "digits/mine")])
    run.end("FINISHED")
    client = MlflowClient(store.uri)
    outputs = client.get_run(run.id).outputs.model_outputs
    found = [client.get_logged_model(one.model_id) for one in outputs]
    assert {(one.name, one.tags["folder"]) for one in found} == {
        ("ft-mine_v1_5", "digits/ft-mine"),
        ("mine", "digits/mine"),
    }
    assert {(one.status, one.source_run_id) for one in found} == {("READY", run.id)}


def test_a_run_that_goes_on_is_the_same_one(store) -> None:
    known = {"kind": "sweep", "sweep": "paper"}
    first = MlflowRun(store, "sweep paper", known, again=known)
    first.end("KILLED")
    again = MlflowRun(store, "sweep paper", known | {"grid": "new"}, again=known)
    client = MlflowClient(store.uri)
    assert again.id == first.id
    assert client.get_run(again.id).info.status == "RUNNING"
    again.end("FINISHED")
    assert client.get_run(again.id).info.status == "FINISHED"
    assert client.get_run(again.id).data.tags["grid"] == "new"
    assert MlflowRun(store, "other", {}, again={"kind": "sweep", "sweep": "other"}).id != first.id


class Heard:
    """What is logged to, in place of a run."""

    def __init__(self) -> None:
        self.points: list[tuple[str, float, int]] = []

    def log_metrics(self, metrics: list[tuple[str, float, int]]) -> None:
        self.points += metrics

    def end(self, status: str) -> None:
        """Nothing more is logged."""


@pytest.fixture
def hooks() -> TrackingHooks:
    """Those of a run that has begun."""
    hooks, pipeline = TrackingHooks(OutcomeHooks()), Pipeline([TRAIN])
    hooks._run, hooks._nodes = Heard(), RunNodes(pipeline, DataCatalog({}))  # type: ignore[assignment]
    hooks._begin()
    return hooks


def test_curves_are_logged_epoch_by_epoch_and_once(hooks) -> None:
    hooks.before_node_run(TRAIN)
    announce({"epoch": 1, "loss": 0.5})
    assert hooks._run.points == [("train_epochs/loss", 0.5, 1)], "before the node has ended"
    announce({"epoch": 1, "loss": 0.25})  # of a second phase
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25], "phase": [1, 2]})
    hooks.after_node_run(TRAIN, {"train_history": history, "train_metrics": {"seconds": 3.0}})
    announce({"epoch": 1, "loss": 9.0})  # of whatever comes after the node
    assert hooks._run.points == [
        ("train_epochs/loss", 0.5, 1),
        ("train_epochs/loss", 0.25, 2),
        ("train_epochs/phase", 1, 1),
        ("train_epochs/phase", 2, 2),
    ]
    hooks._close("FINISHED")
    assert hooks._run.points[-1] == ("seconds/train", 3.0, 0)


def test_a_score_ends_its_curve_and_is_not_told_twice(hooks) -> None:
    hooks.before_node_run(TRAIN)
    for epoch, asr in ((1, 0.5), (2, 0.75)):
        announce({"epoch": epoch, "loss": 1.0, "asr": asr})
    history = pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 1.0], "asr": [0.5, 0.75]})
    hooks.after_node_run(TRAIN, {"train_history": history, "train_metrics": {"asr": 0.75, "epochs": 2}})
    hooks._log_output("evaluate_metrics", {"asr_before": 0.75, "asr_after": 0.25, "rir": 0.5})
    hooks._close("FINISHED")
    assert [point for point in hooks._run.points if "asr" in point[0]] == [
        ("asr_before", 0.5, 1),
        ("asr_before", 0.75, 2),
        ("asr", 0.25, 0),
    ]
    names = list(dict.fromkeys(name for name, _, _ in hooks._run.points))
    assert names == ["asr_before", "train_epochs/loss", "asr", "train/epochs", "evaluate/rir"]


def test_a_node_that_is_no_stage_has_seconds_of_its_own(hooks) -> None:
    node = Node(lambda given: given, "given", "figures.tac", name="draw_tac", namespace="figures")
    hooks.before_node_run(node)
    announce({"epoch": 1, "loss": 0.5})
    hooks.after_node_run(node, {"figures.tac": None})
    hooks._close("FINISHED")
    assert [name for name, _, _ in hooks._run.points] == ["seconds/draw_tac"]
