"""An experiment's record is there, whole and true, after every run."""

from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.catalog import MetricsDataset, OnRequestDataset
from backdoor_pipeline.experiment.records import read_record
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.hooks.data import SCORES, RecordHooks

SCORED = {"asr_after": 0.25, "seconds": 1.0}
PIPELINE = Pipeline([Node(lambda given: given, "given", SCORES, name="evaluate")])


@pytest.fixture
def scores(tmp_path) -> MetricsDataset:
    dataset = MetricsDataset(filepath=str(tmp_path / "digits/artefact/metrics.json"))
    dataset.save(SCORED)
    return dataset


@pytest.fixture
def hooks(params, scores) -> RecordHooks:
    hooks = RecordHooks()
    loaded = {"parameters": {"experiment": resolve(params).model_dump(mode="json")}}
    hooks.after_context_created(SimpleNamespace(config_loader=loaded))
    hooks.before_pipeline_run(DataCatalog({SCORES: scores}))
    return hooks


@pytest.fixture
def record(hooks, scores):
    """The record's file, written."""
    hooks.after_dataset_saved(SCORES)
    return scores.path.with_name("result.json")


def test_new_scores_are_recorded_at_once(record) -> None:
    assert read_record(record)["asr_after"] == 0.25


def test_scores_that_are_recorded_are_not_again(hooks, record) -> None:
    before = record.stat()
    hooks.after_pipeline_run(PIPELINE)
    assert (record.stat().st_ino, record.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("content", [None, "", "{}", "[1]", "null", '{"asr_after": 0.1}', "one digit"])
def test_a_record_that_is_missing_or_damaged_is_written_anew(hooks, record, content) -> None:
    good = record.read_text()
    if content is None:
        record.unlink()
    else:
        record.write_text(good.replace("0.25", "0.15") if content == "one digit" else content)
    hooks.after_pipeline_run(PIPELINE)
    assert record.read_text() == good
    aside = [path.name for path in record.parent.glob("*.corrupt-*")]
    assert len(aside) == (content is not None)


def test_scores_that_were_rebuilt_are_recorded(hooks, record, scores) -> None:
    scores.save({**SCORED, "seconds": 2.0})
    hooks.after_pipeline_run(PIPELINE)
    assert read_record(record)["evaluate_seconds"] == 2.0


CONTROL = {"asr_control": 0.125, "clean_accuracy_control": 0.5, "robust_accuracy_control": None}


def asked(params, control: bool, folder, scores) -> RecordHooks:
    """Hooks of a run with or without a control, both of whose stages' metrics are there."""
    experiment = resolve({**params, "control": control}).model_dump(mode="json")
    entries = {SCORES: scores}
    for stage, found in (("train_control", {"loss": 1.0}), ("evaluate_control", CONTROL)):
        inner = {"type": "backdoor_pipeline.catalog.MetricsDataset", "filepath": f"{folder}/{stage}.json"}
        dataset = OnRequestDataset(dataset=inner.pop("type"), asked=control, **inner)
        dataset.save({**found, "seconds": 3.0})
        entries[f"{stage}_metrics"] = dataset
    hooks = RecordHooks()
    hooks.after_context_created(SimpleNamespace(config_loader={"parameters": {"experiment": experiment}}))
    hooks.before_pipeline_run(DataCatalog(entries))
    return hooks


def test_a_control_stays_recorded_when_its_experiment_is_reused_without_one(params, scores, tmp_path) -> None:
    record = scores.path.with_name("result.json")
    asked(params, False, tmp_path, scores).after_pipeline_run(PIPELINE)
    assert not set(CONTROL) & set(read_record(record))
    asked(params, True, tmp_path, scores).after_pipeline_run(PIPELINE)
    before = read_record(record)
    assert CONTROL.items() <= before.items()
    assert (before["train_control_seconds"], before["evaluate_control_seconds"]) == (3, 3)
    asked(params, False, tmp_path, scores).after_pipeline_run(PIPELINE)
    assert read_record(record) == before
    scores.save({**SCORED, "asr_after": 0.5})
    asked(params, False, tmp_path, scores).after_dataset_saved(SCORES)
    assert read_record(record) == {**before, "asr_after": 0.5}


def test_another_pipeline_records_nothing(hooks, scores) -> None:
    hooks.after_dataset_saved("train_metrics")
    hooks.after_pipeline_run(Pipeline([Node(lambda given: given, "given", "other", name="train")]))
    assert [path.name for path in scores.path.parent.iterdir()] == ["metrics.json"]


def test_nor_does_a_process_that_knows_no_run() -> None:
    RecordHooks().after_dataset_saved(SCORES)
