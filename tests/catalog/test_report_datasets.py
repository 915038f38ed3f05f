import json

import pandas as pd
import pytest
from kedro.io import DatasetError

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.catalog import (
    FailuresDataset,
    FrameDataset,
    PageDataset,
    ResultsDataset,
    StrengthsDataset,
    TableDataset,
)
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


def test_the_strengths_of_all_experiments_that_have_any(tmp_path) -> None:
    dataset = StrengthsDataset(filepath=str(tmp_path))
    assert dataset.load().empty
    assert {"trained", "strength", "asr", "artifact.evaluate"} <= set(dataset.load())
    empty = dataset.load().drop(columns="artifact.evaluate")
    measured = pd.DataFrame({"strength": [1, 2], "asr": [0.5, 1.0]})
    for name, frame in (("a", measured), ("b", measured), ("c", empty)):
        FrameDataset(filepath=str(tmp_path / "digits" / name / "strengths.parquet")).save(frame)
    assert dataset.load()["artifact.evaluate"].tolist() == ["digits/a"] * 2 + ["digits/b"] * 2
    with pytest.raises(DatasetError, match="only read"):
        dataset.save("anything")


def test_damaged_and_foreign_strengths_are_named_and_left_out(tmp_path, caplog) -> None:
    for name in ("a", "b", "c"):
        frame = FrameDataset(filepath=str(tmp_path / "digits" / name / "strengths.parquet"))
        frame.save(pd.DataFrame({"strength": [1], "asr": [0.5]}))
    a, b, c = (tmp_path / f"digits/{name}/strengths.parquet" for name in "abc")
    a.write_bytes(b"no table")
    b.write_bytes(c.read_bytes())
    assert StrengthsDataset(filepath=str(tmp_path)).load()["artifact.evaluate"].tolist() == ["digits/c"]
    assert "digits/a/strengths.parquet is left out (it bears no seal" in caplog.text
    assert "digits/b/strengths.parquet is left out (it is digits/c/strengths.parquet" in caplog.text


def test_failures_of_all_sweeps_each_task_once(tmp_path) -> None:
    dataset = FailuresDataset(filepath=str(tmp_path))
    assert dataset.load().columns.tolist() == ["sweep", "task", "error", "params", "log", "when"]
    for sweep, task in (("one", "train/digits/a"), ("one", "evaluate/digits/b"), ("two", "train/digits/a")):
        file = tmp_path / sweep / "failures" / f"{task}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"task": task, "error": sweep, "params": "", "log": "", "when": ""}))
    frame = dataset.load().set_index("task")
    assert frame["sweep"].to_dict() == {"train/digits/a": "two", "evaluate/digits/b": "one"}
