"""The rows of a report: from the table of the sweeps, and from experiments that no sweep has run."""

import json
import os

import pandas as pd
import pytest

from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.records import read_record, read_results, result_row, write_record
from backdoor_pipeline.experiment.resolve import resolve


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
    return {"artifact.evaluate": name, "attack": "badnets", **more}


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


def test_a_newer_record_replaces_a_row_and_an_older_one_does_not(reporting) -> None:
    reporting.sweep(row("digits/a", der=0.5), row("digits/b", der=0.6))
    reporting.run(**row("digits/a", der=0.1), at=99)
    reporting.run(**row("digits/b", der=0.2), at=101)
    rows = read_results(reporting.table).set_index("artifact.evaluate")
    assert rows["der"].to_dict() == {"digits/a": 0.5, "digits/b": 0.2}


def test_a_damaged_record_and_scores_without_one_are_told(reporting, caplog) -> None:
    reporting.run(**row("digits/a"))
    (reporting.table.parent / "digits/a/result.json").write_text("{")
    (reporting.table.parent / "digits/old").mkdir()
    (reporting.table.parent / "digits/old/metrics.json").write_text("{}")
    assert read_results(reporting.table).empty
    assert "digits/a/result.json cannot be read" in caplog.text
    assert "1 evaluated experiments, such as digits/old, are not in the report" in caplog.text


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
    assert not {"seconds", "loss", "cross_accuracy"} & set(made)
    write_record(tmp_path, made)
    assert read_record(tmp_path / "result.json") == json.loads(json.dumps(made))
