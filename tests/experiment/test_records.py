"""The rows of a report: from the table of the sweeps, and from experiments that no sweep has run."""

import errno
import json
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.bad_files import NO_OBJECTS, bad_rows
from helpers.results import row as complete

from backdoor_pipeline.base import reading
from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.experiment import records
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.records import (
    read_record,
    read_results,
    read_table,
    renewed,
    result_row,
    write_record,
)
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.result import Result, checked


@pytest.fixture
def reporting(tmp_path):
    """A folder of results, and what writes into it."""

    class Folder:
        table = tmp_path / "results.parquet"

        def sweep(self, *rows, at=100):
            pd.DataFrame(rows).to_parquet(self.table)
            os.utime(self.table, (at, at))

        def run(self, at=100, **row):
            folder = tmp_path / row["artifact.evaluate"]
            write_record(folder, row)
            os.utime(folder / "result.json", (at, at))

    return Folder()


def row(name, **more):
    return complete(**{"artifact.evaluate": name, "artifact.train": "digits/t", **more})


def test_single_runs_alone(reporting) -> None:
    reporting.run(**row("digits/b", der=0.5), at=2)
    reporting.run(**row("digits/a", der=None), at=1)
    rows = read_results(reporting.table)
    assert rows["artifact.evaluate"].tolist() == ["digits/a", "digits/b"], "the newest last"
    assert rows["der"].tolist()[1] == 0.5


def test_nothing_at_all(reporting) -> None:
    assert read_results(reporting.table).empty


def test_the_table_of_sweeps_and_what_is_not_in_it(reporting) -> None:
    reporting.sweep(row("digits/a", der=0.5), row("digits/b", der=0.6))
    reporting.run(**row("digits/c", der=0.7), at=50)
    assert read_results(reporting.table)["der"].tolist() == [0.5, 0.6, 0.7]


def test_a_table_of_several_batches_is_read_whole_and_in_order(reporting, monkeypatch) -> None:
    monkeypatch.setattr(records, "ROWS", 2)
    names = [f"digits/{letter}" for letter in "abcde"]
    reporting.sweep(*map(row, names))
    assert read_results(reporting.table)["artifact.evaluate"].tolist() == names


def test_a_newer_record_replaces_a_row_and_an_older_one_does_not(reporting) -> None:
    reporting.sweep(row("digits/a", der=0.5), row("digits/b", der=0.6))
    reporting.run(**row("digits/a", der=0.1), at=99)
    reporting.run(**row("digits/b", der=0.2), at=101)
    rows = read_results(reporting.table).set_index("artifact.evaluate")
    assert rows["der"].to_dict() == {"digits/a": 0.5, "digits/b": 0.2}


def test_rows_have_their_texts_in_common(reporting) -> None:
    reporting.sweep(row("digits/a", model="a model"), row("digits/b", model="a model"))
    reporting.run(**row("digits/c", model="another"))
    reporting.run(**row("digits/d", model="another"))
    a, b, c, d = renewed(*read_table(reporting.table, LeftOut())[:1], reporting.table, LeftOut(), others=True)
    for one, other in ((a, b), (c, d)):
        assert one["model"] is other["model"]
        names = dict(zip(one, one, strict=True))
        assert all(name is names[name] for name in other)


def test_columns_are_as_pandas_makes_them_of_rows(reporting) -> None:
    own = [
        {"lr": 0.1, "steps": 3},
        {"lr": None, "on": True},
        {"word": "a", "mixed": 1},
        {"mixed": "b", "word": None},
    ]
    for number, more in enumerate(own):
        reporting.run(**row(f"digits/{number}", **more), at=number)
    rows = [{**row(f"digits/{number}"), **more} for number, more in enumerate(own)]
    pd.testing.assert_frame_equal(read_results(reporting.table), pd.DataFrame(rows), check_like=True)


def test_scores_without_a_record_are_told(reporting, caplog) -> None:
    (reporting.table.parent / "digits/old").mkdir(parents=True)
    (reporting.table.parent / "digits/old/metrics.json").write_text("{}")
    assert read_results(reporting.table).empty
    assert "1 evaluated experiments, such as digits/old, are not in the report" in caplog.text


@pytest.mark.parametrize("wrong", [*NO_OBJECTS, *bad_rows({}), "changed"])
def test_a_bad_record_is_named_once_and_the_others_are_read(reporting, caplog, wrong) -> None:
    for name in ("digits/a", "digits/b", "digits/c"):
        reporting.run(**row(name))
    file = reporting.table.parent / "digits/b/result.json"
    if wrong in NO_OBJECTS:
        file.write_bytes(NO_OBJECTS[wrong])
    elif wrong == "changed":
        file.write_text(file.read_text().replace("0.2", "0.1"))
    else:
        write_record(file.parent, bad_rows(row("digits/b"))[wrong])
    (reporting.table.parent / "digits/b/metrics.json").write_text("{}")
    assert read_results(reporting.table)["artifact.evaluate"].tolist() == ["digits/a", "digits/c"]
    (message,) = caplog.messages
    assert message.startswith(f"left out {file} (")
    assert message.endswith("): delete it and run its experiment again, which computes nothing anew.")


def test_what_the_system_cannot_read_is_not_to_be_deleted(reporting, caplog, monkeypatch) -> None:
    reporting.sweep(row("digits/a"))
    reporting.run(**row("digits/b"))

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(reading, "PAUSES", (0.0,))
    monkeypatch.setattr(Path, "open", fail)
    monkeypatch.setattr(pq, "read_table", fail)
    assert read_results(reporting.table).empty
    left = [message for message in caplog.messages if message.startswith("left out")]
    assert len(left) == 2
    assert all("cannot be read (Input/output error)" in message for message in left)
    assert all("see to that disk" in message for message in left)
    assert not any("delete" in message or "sweep" in message for message in left)


TABLES = {
    "text": lambda table: table.write_text("not a table"),
    "empty": lambda table: table.write_bytes(b""),
    "cut": lambda table: table.write_bytes(table.read_bytes()[:-100]),
    "other columns": lambda table: pd.DataFrame({"a": [1]}).to_parquet(table),
    "text for scores": lambda table: pd.read_parquet(table).astype({"asr_after": str}).to_parquet(table),
    "lists": lambda table: pq.write_table(pa.table({"dataset": [["digits"]]}), table),
    "a folder": lambda table: (table.unlink(), table.mkdir()),
}


@pytest.mark.parametrize("damage", TABLES)
def test_of_a_bad_table_the_experiments_own_records_are_left(reporting, caplog, damage) -> None:
    reporting.sweep(row("digits/a"), row("digits/b"))
    reporting.run(**row("digits/b"), at=1)
    TABLES[damage](reporting.table)
    assert read_results(reporting.table)["artifact.evaluate"].tolist() == ["digits/b"]
    (message,) = caplog.messages
    assert str(reporting.table) in message
    assert "run any sweep again" in message


def test_a_bad_row_of_the_table_is_left_out_alone(reporting, caplog) -> None:
    reporting.sweep(row("digits/a"), row("digits/b", der=7.0), row("digits/c"))
    assert read_results(reporting.table)["artifact.evaluate"].tolist() == ["digits/a", "digits/c"]
    (message,) = caplog.messages
    assert f"1 row of {reporting.table} (der: Input should be less than or equal to 1)" in message


def test_a_record_says_all_that_a_sweeps_row_says(params, tmp_path) -> None:
    experiment = resolve(params)
    names = artifact_names(experiment)
    train = {"seconds": 3.0, "loss": 0.5, "rival_asr": 0.125}
    metrics = {
        "poison": {"seconds": 1.0},
        "train": train,
        "evaluate": {"seconds": 2.0, "asr_after": 0.25, "der": None},
    }
    made = result_row(experiment, names, metrics)
    assert (made["attack"], made["poisoning.attack.params.patch_size"]) == ("badnets", 3)
    assert (made["asr_after"], made["poison_seconds"], made["evaluate_seconds"]) == (0.25, 1, 2)
    assert made["artifact.evaluate"] == names["evaluate"]
    assert (made["rival_asr"], made["train_seconds"]) == (0.125, 3)
    assert checked(Result, {**made, "clean_accuracy_after": 0.5})
    assert not {"seconds", "loss", "cross_accuracy"} & set(made)
    write_record(tmp_path, made)
    assert read_record(tmp_path / "result.json") == json.loads(json.dumps(made))
