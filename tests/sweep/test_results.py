import pandas as pd
import pytest

from backdoor_pipeline.sweep.display import duration, eta
from backdoor_pipeline.sweep.grid import Grid
from backdoor_pipeline.sweep.launch import Progress
from backdoor_pipeline.sweep.results import write_results
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


@pytest.mark.parametrize(("seconds", "words"), [(12.3, "12 s"), (90, "2 min"), (7380, "2 h 3 min")])
def test_durations(seconds, words) -> None:
    assert duration(seconds) == words
