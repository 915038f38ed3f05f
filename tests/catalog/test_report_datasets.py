import json

import pandas as pd
import pytest
from helpers.bad_files import NO_OBJECTS
from helpers.results import row
from kedro.io import DatasetError

from backdoor_pipeline.analysis.generalization import COLUMNS
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.catalog import (
    FailuresDataset,
    FrameDataset,
    PageDataset,
    ResultsDataset,
    StrengthsDataset,
    TableDataset,
)
from backdoor_pipeline.catalog.results import Strength
from backdoor_pipeline.experiment.records import write_record
from backdoor_pipeline.reporting.table import Table

TABLE = Table("scores", pd.DataFrame({"attack": ["badnets"], "asr": [12.5]}), "<html></html>", "\\toprule")


def test_a_table_is_four_files_and_loads_as_its_numbers(tmp_path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "table"))
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run the pipeline that makes it"):
        dataset.load()
    dataset.save(TABLE)
    assert dataset.exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(file.name for file in dataset.files)
    assert (tmp_path / "table.tex").read_text() == "\\toprule"
    for frame in (dataset.load(), pd.read_csv(tmp_path / "table.csv")):
        pd.testing.assert_frame_equal(frame, TABLE.frame, check_dtype=False)
    assert dataset.preview()["data"] == [["badnets", 12.5]]


def test_a_page(tmp_path) -> None:
    dataset = PageDataset(filepath=str(tmp_path / "page.html"))
    with pytest.raises(DatasetError, match="run the pipeline that makes it"):
        dataset.load()
    dataset.save("<p>")
    assert dataset.exists()
    assert dataset.load().read_text().startswith("<p>\n<!-- sealed:")


def test_no_results_are_an_error_that_says_what_to_do(tmp_path) -> None:
    dataset = ResultsDataset(filepath=str(tmp_path / "results.parquet"))
    with pytest.raises(DatasetError) as error:
        dataset.load()
    assert isinstance(error.value.__cause__, UserError)
    assert "run `kedro sweep` or `kedro run` first" in str(error.value)
    with pytest.raises(DatasetError, match="only read"):
        dataset.save("anything")


def test_results_that_were_read_ahead_are_read_and_warned_of_once(tmp_path, caplog) -> None:
    for name in ("digits/a", "digits/b"):
        write_record(tmp_path / name, row(**{"artifact.evaluate": name}))
    (tmp_path / "digits/b/result.json").write_text("{}")
    dataset = ResultsDataset(filepath=str(tmp_path / "results.parquet"))
    ahead = dataset.read_ahead()
    assert ahead["artifact.evaluate"].tolist() == ["digits/a"]
    write_record(tmp_path / "digits/b", row(**{"artifact.evaluate": "digits/b"}))
    assert dataset.load() is ahead
    assert len(caplog.messages) == 1
    assert len(dataset.load()) == 2, "and anew from then on"


def test_the_strengths_of_all_experiments_that_have_any(tmp_path) -> None:
    dataset = StrengthsDataset(filepath=str(tmp_path))
    assert dataset.load().empty
    assert {"trained", "strength", "asr", "artifact.evaluate"} <= set(dataset.load())
    empty = dataset.load().drop(columns="artifact.evaluate")
    measured = strengths(strength=[1.0, 2.0], asr=[0.5, None])
    for name, frame in (("a", measured), ("b", measured), ("c", empty)):
        FrameDataset(filepath=str(tmp_path / "digits" / name / "strengths.parquet")).save(frame)
    assert dataset.load()["artifact.evaluate"].tolist() == ["digits/a"] * 2 + ["digits/b"] * 2
    with pytest.raises(DatasetError, match="only read"):
        dataset.save("anything")


def test_damaged_and_foreign_strengths_are_named_and_left_out(tmp_path, caplog) -> None:
    for name in ("a", "b", "c"):
        frame = FrameDataset(filepath=str(tmp_path / "digits" / name / "strengths.parquet"))
        frame.save(strengths())
    a, b, c = (tmp_path / f"digits/{name}/strengths.parquet" for name in "abc")
    a.write_bytes(b"no table")
    b.write_bytes(c.read_bytes())
    assert StrengthsDataset(filepath=str(tmp_path)).load()["artifact.evaluate"].tolist() == ["digits/c"] * 2
    assert f"left out {a} (it bears no seal" in caplog.text
    assert f"left out {b} (it is digits/c/strengths.parquet" in caplog.text


def strengths(**columns):
    usual = {
        "strength_of": "amplitude", "trained": 1.0, "strength": 1.0, "model": "before", "images": 4,
        "asr": 0.5, "robust_accuracy": 0.25,
    }  # fmt: skip
    return pd.DataFrame({**usual, **columns}, index=range(2))


def save(frame, file):
    FrameDataset(filepath=str(file)).save(frame)


DAMAGED = {
    "text": lambda file: file.write_text("text"),
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-8]),
    "other columns": lambda file: save(pd.DataFrame({"a": [1]}), file),
    "another column": lambda file: save(strengths(more=1), file),
    "text for a score": lambda file: save(strengths(asr="0.5"), file),
    "percent": lambda file: save(strengths(asr=50.0), file),
    "no such model": lambda file: save(strengths(model="between"), file),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_bad_strengths_are_named_and_the_others_read(tmp_path, caplog, damage) -> None:
    for name in "abc":
        save(strengths(), tmp_path / "digits" / name / "strengths.parquet")
    bad = tmp_path / "digits/b/strengths.parquet"
    DAMAGED[damage](bad)
    frame = StrengthsDataset(filepath=str(tmp_path)).load()
    assert frame["artifact.evaluate"].tolist() == ["digits/a"] * 2 + ["digits/c"] * 2
    (message,) = caplog.messages
    assert message.startswith(f"left out {bad} (")
    assert message.endswith("): delete it and run its experiment again.")


def test_what_is_checked_is_what_is_measured() -> None:
    assert tuple(Strength.model_fields) == COLUMNS


FAILED = {"task": "train/digits/a", "error": "e", "params": "", "log": "", "when": ""}


@pytest.mark.parametrize(
    "content",
    [*NO_OBJECTS.values(), json.dumps(FAILED)[:-5].encode(), json.dumps({**FAILED, "error": [1]}).encode()],
)
def test_a_bad_record_of_a_failure_is_named_and_the_others_read(tmp_path, caplog, content) -> None:
    folder = tmp_path / "one/failures/train/digits"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(FAILED))
    (folder / "b.json").write_bytes(content)
    assert FailuresDataset(filepath=str(tmp_path)).load()["task"].tolist() == ["train/digits/a"]
    (message,) = caplog.messages
    assert message.startswith(f"left out {folder / 'b.json'} (")
    assert message.endswith("): delete it; a sweep tries its task again.")


def test_failures_of_all_sweeps_each_task_once(tmp_path) -> None:
    dataset = FailuresDataset(filepath=str(tmp_path))
    assert dataset.load().columns.tolist() == ["sweep", "task", "error", "params", "log", "when"]
    for sweep, task in (("one", "train/digits/a"), ("one", "evaluate/digits/b"), ("two", "train/digits/a")):
        file = tmp_path / sweep / "failures" / f"{task}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"task": task, "error": sweep, "params": "", "log": "", "when": ""}))
    frame = dataset.load().set_index("task")
    assert frame["sweep"].to_dict() == {"train/digits/a": "two", "evaluate/digits/b": "one"}
