"""A sweep's own MLflow run ends as the sweep does, and goes on with it."""

from pathlib import Path

import pytest
from helpers.mlflow_stores import store_in
from mlflow import MlflowClient

from backdoor_pipeline.hooks.mlflow_store import Store
from backdoor_pipeline.sweep.grid import Grid
from backdoor_pipeline.sweep.plan import Plan
from backdoor_pipeline.sweep.tracking import sweep_run

GRID = Grid(grid={"attack": ["badnets", "none"], "seed": [0, 1]})


def opened(store: Store, end: str = "") -> str:
    """The id of a sweep's run, which ended so, or without a word."""
    with sweep_run(store, "paper", GRID, Plan(), Path()) as run:
        if end:
            run.end(end)
    return run.id


def test_it_says_what_is_varied_and_how_it_ended(tmp_path) -> None:
    store = store_in(tmp_path)
    id = opened(store, "FINISHED")
    run = MlflowClient(store.uri).get_run(id)
    assert run.info.run_name == "sweep paper"
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.note.content"] == "attack: badnets, none; seed: 0, 1"
    assert run.data.tags["mlflow.source.name"] == "kedro sweep paper"
    assert opened(store) == id, "the same sweep goes on"
    assert MlflowClient(store.uri).get_run(id).info.status == "KILLED"


def test_a_store_that_is_down_stops_no_sweep(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    assert opened(store_in(tmp_path, "http://127.0.0.1:9"), "FINISHED") == ""
    assert "MLflow tracking is off" in caplog.text
