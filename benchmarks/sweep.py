"""What a sweep costs beside the work itself: planning a large grid, and each cell once workers are warm.

A cell whose artefacts all exist is run again as a worker runs it: Kedro reads the configuration, verifies
every file and finds nothing to do, MLflow logs all of it anew. That is all overhead.

    python benchmarks/sweep.py
"""

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from kedro.framework.startup import bootstrap_project

from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.sweep.execution import Job, Site, execute
from backdoor_pipeline.sweep.grid import Grid, read_grid
from backdoor_pipeline.sweep.layout import Layout, config_loader
from backdoor_pipeline.sweep.plan import make_plan
from backdoor_pipeline.sweep.timings import Timings

PROJECT = Path(__file__).parents[1]
SMALL = {"epochs": 1, "attack": "badnets", "defense": "ft", "defenses": {"ft": {"recipe": {"epochs": 1}}}}


def planning(project: Path, grid: Grid) -> tuple[int, int, float]:
    """Plan a grid from the configuration to the estimate; cells, feasible ones, seconds."""
    start = time.perf_counter()
    loader = config_loader(project, None)
    layout = Layout.of(loader, project)
    cells = grid.cells()
    plan = make_plan(loader["parameters"], cells, layout, "evaluate", {}, without_data=True)
    timings = Timings(layout)
    timings.learn(plan.cells)
    timings.estimate(plan)
    return len(cells), len(plan.cells), time.perf_counter() - start


def all_feasible(grid: Grid) -> Grid:
    """As many cells, of methods that are there: what is not costs less to plan."""
    axes = {**grid.grid, "attack": ["badnets"], "defense": ["ft", "none"]}
    missing = len(grid.cells()) // len(Grid(grid=axes).cells())
    return Grid(grid={**axes, "seed": list(range(missing))})


def overhead(project: Path, cells: int) -> list[float]:
    """Seconds of each cell that has nothing to do, in this process, once it is warm."""
    folder = project / "data/08_reporting/sweeps/benchmark"
    site = Site(str(project), None, 1, str(folder))
    log = str(folder / "log")
    job = Job("cell", "cell", "evaluate", SMALL, [str(project / "data/08_reporting/locked")], log)
    for _ in range(3):  # builds it; then warms up
        outcome = execute(job, site)
        assert outcome.status == "done", outcome.error
    return [execute(job, site).seconds for _ in range(cells)]


def copied(folder: Path) -> Path:
    """This project's code and configuration in a folder of their own."""
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "local"))
    (folder / "conf/local").mkdir()
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    return folder


def main() -> None:
    """Print both costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cells", type=int, default=20, help="cells to run, default 20")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as temporary:
        project = copied(Path(temporary))
        bootstrap_project(project)
        paper = read_grid("paper", [project / "conf/base/sweeps"])
        for name, grid in (("the paper's grid", paper), ("all feasible", all_feasible(paper))):
            cells, feasible, seconds = planning(project, grid)
            print(f"planning {cells:,} cells ({name}: {feasible:,} feasible): {seconds:.1f} s")
        seconds_each = overhead(project, arguments.cells)
        print(
            f"overhead of a cell: median {statistics.median(seconds_each):.2f} s, "
            f"from {min(seconds_each):.2f} to {max(seconds_each):.2f} s; "
            f"{len(flatten(SMALL))} parameters of its own"
        )


if __name__ == "__main__":
    main()
