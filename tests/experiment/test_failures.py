"""Failures of tasks, as files."""

import pytest
from helpers.bad_files import NO_OBJECTS

from backdoor_pipeline.experiment.failures import Failure, Failures


def failure(task: str, error: str = "no") -> Failure:
    return Failure(task, error, "attack:badnets", "logs/a.log")


def test_what_is_recorded_is_read_until_it_is_forgotten(tmp_path) -> None:
    failures = Failures(tmp_path)
    failures.record(failure("train/digits/a"))
    failures.record(failure("evaluate/digits/b"))
    found = failures.read()
    assert found["train/digits/a"].error == "no"
    assert found["train/digits/a"].when
    failures.forget("train/digits/a")
    failures.forget("train/digits/a")
    assert list(failures.read()) == ["evaluate/digits/b"]


@pytest.mark.parametrize("wrong", NO_OBJECTS)
def test_a_bad_record_is_named_once_however_often_it_is_read(tmp_path, caplog, wrong) -> None:
    failures = Failures(tmp_path)
    failures.record(failure("train/digits/a"))
    bad = tmp_path / "train/digits/b.json"
    bad.write_bytes(NO_OBJECTS[wrong])
    for _ in "ab":
        assert list(failures.read()) == ["train/digits/a"]
    (message,) = caplog.messages
    assert message.startswith(f"left out {bad} (")
    failures.record(failure("train/digits/b"))
    assert len(failures.read()) == 2


def test_no_secret_is_recorded(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pa55word")
    failures = Failures(tmp_path)
    failures.record(failure("train/digits/a", "no answer from http://me:0ther@host, nor with pa55word"))
    assert failures.read()["train/digits/a"].error == "no answer from http://***@host, nor with ***"
