"""The table that ends a run."""

import io
from typing import Any

import pytest
from helpers.pipelines import choices as chosen
from rich.console import Console

from backdoor_pipeline.hooks.summary import result_table, stage_table, target, where_runs_are

CHOICES: dict[str, Any] = {"dataset": "birds", "defense": "ft", "poison_ratio": 0.1, "target_label": 2}
NAMES = ("clean_accuracy", "asr", "robust_accuracy")
SCORES = {f"{name}_{when}": 0.5 for name in NAMES for when in ("before", "after")} | {"der": None}


@pytest.mark.parametrize(
    ("choices", "poisoned", "expected"),
    [
        ({}, {"target_class": "eagle"}, "target 2 (class eagle)"),
        ({}, {"target_class": "2"}, "target 2"),  # of digits
        ({}, {}, "target 2"),  # of a poisoned set made before its class was noted
        ({"label_map": "all_to_all"}, {"target_class": None}, "all to all"),
        ({"attack": "none"}, {}, ""),
    ],
)
def test_the_target_is_told_by_number_and_name(choices: dict, poisoned: dict, expected: str):
    assert target(chosen(**CHOICES | choices), poisoned) == expected


@pytest.mark.parametrize(
    ("attack", "goal", "title"),
    [
        ("badnets", "target 2 (class eagle)", "birds, resnet8, seed 0, 10%, target 2 (class eagle)"),
        ("none", "", "birds, resnet8, seed 0"),
    ],
)
def test_the_table_is_headed_by_the_experiment(attack: str, goal: str, title: str):
    console = Console(file=io.StringIO(), width=100)
    console.print(result_table(chosen(**CHOICES, attack=attack), SCORES, goal))
    assert console.file.getvalue().splitlines()[0].strip() == title


def test_without_a_defense_the_table_ends_with_the_victim() -> None:
    console = Console(file=io.StringIO(), width=100)
    found = {name: value for name, value in SCORES.items() if name.endswith("_before")}
    console.print(result_table(chosen(**CHOICES, attack="badnets"), found, ""))
    told = console.file.getvalue()
    assert "before" in told
    assert "after" not in told
    assert "ft" not in told


def test_a_control_ends_the_table() -> None:
    console = Console(file=io.StringIO(), width=100)
    control = {f"{name}_control": 0.125 for name in NAMES}
    console.print(result_table(chosen(**CHOICES, attack="badnets"), SCORES | control, ""))
    *_, row, _ = console.file.getvalue().splitlines()
    assert row.replace("│", "").split() == ["none", "control", "12.50", "12.50", "12.50"]


@pytest.mark.parametrize(
    ("own", "store", "advice"),
    [
        (None, "sqlite:///mlflow.db", "mlflow ui --backend-store-uri sqlite:///mlflow.db"),
        ("http://tracking:5000", "sqlite:///mlflow.db", "http://tracking:5000"),
        ("https://me:se@cr/et?@tracking/team?token=secret", "sqlite:///mlflow.db", "https://tracking/team"),
        (None, "https://me:secret@tracking", "https://tracking"),
        ("postgresql://me:secret@db/runs", "sqlite:///mlflow.db", '"$MLFLOW_TRACKING_URI"'),
        ("http://[no address", "sqlite:///mlflow.db", "http://[no address"),
        (None, "postgresql://me:secret@db/runs", "with the tracking_uri of conf/*/mlflow.yml"),
        (None, "postgresql://db/runs?password=secret", "with the tracking_uri of conf/*/mlflow.yml"),
    ],
)
def test_where_to_look_at_runs_is_where_they_are_and_no_secret(monkeypatch, own, store, advice) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if own:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", own)
    told, *_ = where_runs_are(store)
    assert told.endswith(advice)
    assert "secret" not in told
    assert "et?" not in told


@pytest.mark.parametrize(
    ("store", "page"),
    [
        ("sqlite:///mlflow.db", "http://127.0.0.1:5000/#/experiments/7/runs?workflowType=machine_learning"),
        ("https://me:secret@tracking", "https://tracking/#/experiments/7/runs?workflowType=machine_learning"),
    ],
)
def test_the_page_that_is_told_is_that_of_runs(monkeypatch, store, page) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert where_runs_are(store, "7")[-1] == f"{page}&viewStateShareKey=best"


def test_no_stage_is_cut_off_on_a_terminal_of_80() -> None:
    console = Console(file=io.StringIO(), width=80)
    stages = ("prepare", "train_control", "poison", "evaluate_control", "train", "defend", "evaluate")
    console.print(stage_table({stage: {"seconds": 1234.5} for stage in stages}, {"defend", "evaluate"}))
    told = console.file.getvalue()
    assert "…" not in told
    assert told.count("1234.5 s") == len(stages)
    assert told.count("(reused)") == 5
