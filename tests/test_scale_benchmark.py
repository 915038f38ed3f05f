"""`benchmarks/scale.py` measures what real results would cost."""

from pathlib import Path

import pytest
from helpers.scratch import make_project
from kedro.framework.project import configure_project

from backdoor_pipeline.experiment.records import read_results
from backdoor_pipeline.sweep.grid import Grid, read_grid
from backdoor_pipeline.sweep.layout import Layout, config_loader
from backdoor_pipeline.sweep.plan import make_plan
from benchmarks.made_results import NAME, drawn, make_results
from benchmarks.scale import cost_of

AXES = {"attack": ["none", "badnets"], "poison_ratio": [0.1, 0.05], "defense": ["none", "ft"]}
GRID = Grid(grid={**AXES, "seed": [0]}, include=[{**AXES, "attack": "badnets", "seed": 1}])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    configure_project("backdoor_pipeline")
    return make_project(tmp_path)


def test_made_results_are_what_reports_and_plans_take_for_results(project: Path) -> None:
    assert make_results(project, GRID) == 10, "a clean model has no ratio"
    loader = config_loader(project, None)
    layout = Layout.of(loader, project)
    grid = read_grid(NAME, [project / "conf/base/sweeps"])
    plan = make_plan(loader["parameters"], grid.cells(), layout, "evaluate", {})
    assert (len(plan.cells), plan.finished) == (10, 10)
    rows = read_results(layout.results)
    assert set(rows["artifact.evaluate"]) == {cell.names["evaluate"] for cell in plan.cells}
    (row,) = rows[rows["artifact.evaluate"] == plan.cells[-1].names["evaluate"]].to_dict("records")
    made = drawn(plan.cells[-1])
    assert row["clean_accuracy_after"] == made["evaluate"]["clean_accuracy_after"]
    assert row["train_seconds"] == made["train"]["seconds"]


def test_what_fails_costs_nothing_but_its_message(project: Path) -> None:
    with pytest.raises(RuntimeError, match="there are no results to report"):
        cost_of(project, "run", "--pipeline=report")
