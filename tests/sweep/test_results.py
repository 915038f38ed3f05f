import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from helpers.bad_files import NO_OBJECTS

from backdoor_pipeline.base import reading
from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.experiment.records import write_record
from backdoor_pipeline.sweep.display import duration, eta
from backdoor_pipeline.sweep.grid import Grid
from backdoor_pipeline.sweep.launch import Progress
from backdoor_pipeline.sweep.results import MetricsReader, write_results
from backdoor_pipeline.sweep.timings import Timings

SCORES = {"clean_accuracy_after": 0.9, "asr_after": 0.1, "der": 0.7, "seconds": 2.0}


@pytest.fixture
def evaluated(plan, build, layout):
    """Plans cells and evaluates them, each stage with seconds of its own."""

    def make(**axes):
        made = plan(Grid(grid=axes).cells())
        for cell in made.cells:
            for stage, seconds in (("prepare", 0.0), ("poison", 1.0), ("train", 20.0), ("defend", 5.0)):
                build(stage, cell.names, seconds=seconds)
            build("evaluate", cell.names, **SCORES)
        return made.cells

    return make


def test_one_row_per_cell_with_parameters_scores_seconds_and_ids(evaluated, layout) -> None:
    cells = evaluated(attack=["badnets", "none"], defense=["ft"])
    assert write_results(layout, cells) == 2
    frame = pd.read_parquet(layout.results).set_index("attack")
    row = frame.loc["badnets"]
    assert row["asr_after"] == 0.1
    assert row["poisoning.attack.params.patch_size"] == 3
    assert row["defending.defense.params.recipe.epochs"] == 100
    assert row["epochs"] == 20, "the budget's, spelled out"
    assert (row["poison_seconds"], row["train_seconds"], row["evaluate_seconds"]) == (1, 20, 2)
    assert row["artifact.evaluate"] == cells[0].names["evaluate"]
    assert pd.isna(frame.loc["none", "poisoning.attack.params.patch_size"])
    assert "seconds" not in frame


def test_rows_of_other_sweeps_stay_and_rows_of_this_one_are_renewed(evaluated, layout, build) -> None:
    write_results(layout, evaluated(seed=[0, 1]))
    cells = evaluated(seed=[1, 2])
    build("evaluate", cells[0].names, **{**SCORES, "der": 0.9, "detection_tpr": 1})
    write_results(layout, cells)
    frame = pd.read_parquet(layout.results).set_index("seed").sort_index()
    assert list(frame.index) == [0, 1, 2]
    assert list(frame["der"]) == [0.7, 0.9, 0.7]


def test_what_stages_told_stays_when_their_folders_are_deleted_to_save_space(
    evaluated, layout, build
) -> None:
    cells = evaluated(seed=[0])
    build("train", cells[0].names, seconds=20.0, cross_accuracy=0.8, rival_asr=0.3)
    write_results(layout, cells)
    for stage in ("poison", "train", "defend"):
        shutil.rmtree(layout.folder(stage, cells[0].names))
    assert write_results(layout, cells) == 1
    (row,) = pd.read_parquet(layout.results).to_dict("records")
    assert (row["poison_seconds"], row["train_seconds"], row["defend_seconds"]) == (1, 20, 5)
    assert (row["cross_accuracy"], row["rival_asr"]) == (0.8, 0.3)


def test_scores_that_were_changed_are_no_results_and_are_set_aside(evaluated, layout, caplog) -> None:
    cells = evaluated(seed=[0, 1])
    file = layout.metrics("evaluate", cells[0].names)
    file.write_text(file.read_text().replace("0.1", "0.2"))
    assert write_results(layout, cells) == 1
    assert list(pd.read_parquet(layout.results)["seed"]) == [1]
    assert not file.exists(), "so that the next sweep evaluates it again"
    assert "set aside" in caplog.text


def test_cells_without_results_have_no_row_and_no_table_is_made_of_none(plan, layout) -> None:
    assert write_results(layout, plan([{"seed": 0}]).cells) == 0
    assert not layout.results.exists()


def test_an_estimate_comes_from_what_was_timed_of_the_same_sort(evaluated, layout, plan) -> None:
    write_results(layout, evaluated(seed=[0], defense=["ft"]))
    timings = Timings(layout)
    made = plan(Grid(grid={"seed": [5, 6], "poison_ratio": [0.02], "defense": ["ft"]}).cells())
    assert timings.estimate(made) == (2 * (1 + 20 + 5 + 2), 0)
    other = plan(Grid(grid={"seed": [5], "model": ["resnet20"]}).cells())
    seconds, unknown = timings.estimate(other)
    assert (seconds, unknown) == (1.0, 3)


def test_it_also_comes_from_cells_that_no_sweep_has_run(evaluated, layout, plan) -> None:
    cells = evaluated(seed=[0], defense=["ft"])
    timings = Timings(layout)
    timings.learn(cells)
    assert timings.stage("train", cells[0]) == 20.0


def test_the_time_left() -> None:
    progress = Progress()
    progress.total["train"], progress.total["cell"] = 4, 10
    assert eta(progress, {}, 2) is None
    assert eta(progress, {"train": 10.0, "cell": 1.0}, 2) == 25.0
    progress.done["train"], progress.seconds["train"] = 2, 40.0
    assert eta(progress, {"train": 10.0, "cell": 1.0}, 2) == 25.0  # (2 x 20 + 10 x 1) / 2


BAD_SCORES: list[dict[str, Any]] = [
    {"asr_after": "0.1"}, {"asr_after": {}}, {"der": [0.7]}, {"clean_accuracy_after": 90.0}, {"seconds": "2"},
    {"clean_accuracy_after": None}, {"clean_accuracy_after": float("nan")},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD_SCORES, ids=repr)
def test_bad_scores_are_named_once_and_the_other_cells_have_their_rows(
    evaluated, build, layout, caplog, wrong
) -> None:
    cells, left_out = evaluated(seed=[0, 1]), LeftOut()
    build("evaluate", cells[0].names, **{**SCORES, **wrong})
    Timings(layout, left_out).learn(cells)
    assert write_results(layout, cells, left_out) == 1
    assert pd.read_parquet(layout.results)["seed"].tolist() == [1]
    (message,) = caplog.messages
    assert message.startswith(f"left out {layout.metrics('evaluate', cells[0].names)} (")
    assert message.endswith("): delete it and run its experiment, or its sweep, again.")


@pytest.mark.parametrize("content", NO_OBJECTS.values())
def test_damaged_scores_are_named_by_a_dry_run_and_set_aside_at_the_end(
    evaluated, layout, caplog, content
) -> None:
    cells = evaluated(seed=[0, 1])
    bad = layout.metrics("evaluate", cells[0].names)
    bad.write_bytes(content)
    Timings(layout).learn(cells)
    (message,) = caplog.messages
    assert message.startswith(f"left out {bad} (")
    assert bad.read_bytes() == content
    caplog.clear()
    assert write_results(layout, cells) == 1
    (message,) = caplog.messages
    assert message.startswith(f"{bad} cannot be used (")


@pytest.mark.parametrize("seconds", ["long", [1], -1, float("nan")])
def test_a_bad_source_of_timings_is_named_and_left_out(evaluated, build, layout, caplog, seconds) -> None:
    cells = evaluated(seed=[0, 1], defense=["ft"])
    build("train", cells[0].names, seconds=seconds)
    timings = Timings(layout)
    timings.learn(cells)
    assert timings.stage("train", cells[0]) == 20.0, "of the other cell's"
    (message,) = caplog.messages
    assert message.startswith(f"left out {layout.metrics('train', cells[0].names)} (")
    assert write_results(layout, cells) == 2
    assert pd.read_parquet(layout.results).set_index("seed")["train_seconds"].dropna().to_dict() == {1: 20}


def flipped(content: bytes) -> bytes:
    """With one bit of the first column changed."""
    return content[:20] + bytes([content[20] ^ 1]) + content[21:]


DAMAGE = {
    "text": lambda table: table.write_text("not a table"),
    "cut": lambda table: table.write_bytes(table.read_bytes()[:-100]),
    "one bit": lambda table: table.write_bytes(flipped(table.read_bytes())),
    "other columns": lambda table: pd.DataFrame({"a": [1]}).to_parquet(table),
    "a bad row": lambda table: pd.read_parquet(table).assign(der=[0.5, 7.0]).to_parquet(table),
    "a folder": lambda table: (table.unlink(), table.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_table_stops_no_sweep_and_is_made_anew_from_the_records(
    evaluated, layout, caplog, damage
) -> None:
    old = evaluated(seed=[0, 1])
    write_results(layout, old)
    rows = pd.read_parquet(layout.results)
    for cell in old:  # every experiment has a record of its own
        write_record(layout.folder("evaluate", cell.names), MetricsReader(layout).row(cell))
    DAMAGE[damage](layout.results)
    left_out, cells = LeftOut(), evaluated(seed=[2])
    Timings(layout, left_out).learn(cells)
    assert write_results(layout, cells, left_out) == 1
    made = pd.read_parquet(layout.results)
    assert sorted(made["seed"]) == [0, 1, 2]
    assert set(made["artifact.evaluate"]) > set(rows["artifact.evaluate"])
    assert [file.name for file in layout.reporting.glob("results.parquet.corrupt-*")], "nothing is lost"
    assert sum(message.startswith("left out") for message in caplog.messages) == 1


def test_a_table_that_cannot_be_read_just_now_is_left_alone(evaluated, layout, caplog, monkeypatch) -> None:
    write_results(layout, evaluated(seed=[0]))
    before = layout.results.read_bytes()

    read = Path.read_bytes

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(reading, "PAUSES", ())
        broken.setattr(pq, "read_table", fail)
        broken.setattr(Path, "read_bytes", lambda file: fail() if file == layout.results else read(file))
        assert write_results(layout, evaluated(seed=[1])) == 0
    assert layout.results.read_bytes() == before
    assert "see to that disk" in caplog.text


def test_an_experiment_run_anew_by_itself_keeps_its_new_scores(evaluated, layout, build) -> None:
    (cell,) = evaluated(seed=[0])
    write_results(layout, [cell])
    os.utime(layout.results, (1, 1))
    write_record(layout.folder("evaluate", cell.names), MetricsReader(layout).row(cell) | {"der": 0.25})
    write_results(layout, evaluated(seed=[1]))
    assert pd.read_parquet(layout.results).set_index("seed")["der"].to_dict() == {0: 0.25, 1: 0.7}


@pytest.mark.parametrize("where", ["record", "table", "newer record"])
def test_a_control_stays_when_a_sweep_finds_its_experiment_without_one(evaluated, layout, where) -> None:
    (cell,) = evaluated(seed=[0])
    folder, row = layout.folder("evaluate", cell.names), MetricsReader(layout).row(cell)
    control = {"asr_control": 0.125, "evaluate_control_seconds": 3.0}
    if where == "record":
        write_record(folder, row | control)
    else:
        layout.reporting.mkdir(parents=True, exist_ok=True)
        pd.DataFrame([row | control]).to_parquet(layout.results)
    if where == "newer record":  # than the table, but without the control
        os.utime(layout.results, (1, 1))
        write_record(folder, row)
    write_results(layout, [cell])
    (made,) = pd.read_parquet(layout.results).to_dict("records")
    assert control.items() <= made.items()


@pytest.mark.parametrize(("seconds", "words"), [(12.3, "12 s"), (90, "2 min"), (7380, "2 h 3 min")])
def test_durations(seconds, words) -> None:
    assert duration(seconds) == words
