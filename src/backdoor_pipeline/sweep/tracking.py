"""The MLflow run of a sweep itself: the parent of its cells' and of the stages' that they share."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backdoor_pipeline.hooks.mlflow_run import MlflowRun
from backdoor_pipeline.hooks.mlflow_store import Store
from backdoor_pipeline.hooks.origin import origin
from backdoor_pipeline.sweep.grid import Grid
from backdoor_pipeline.sweep.plan import Plan

KIND = "sweep"


@contextmanager
def sweep_run(store: Store, name: str, grid: Grid, plan: Plan, project: Path) -> Iterator[MlflowRun]:
    """The run of the sweep of this name, which goes on where an earlier sweep stopped.

    Args:
        store: where to.
        name: the sweep's.
        grid: what it varies.
        plan: what there is to do.
        project: its folder.
    """
    known = {"kind": KIND, KIND: name}
    axes = "; ".join(f"{axis}: {', '.join(map(str, values))}" for axis, values in grid.grid.items())
    tags = known | origin(f"kedro sweep {name}", project) | {"grid": axes, "mlflow.note.content": axes}
    run = MlflowRun(store, f"sweep {name}", tags, again=known)
    run.log_metrics([("cells", len(plan.cells), 0), ("infeasible_cells", len(plan.infeasible), 0)])
    atexit.register(run.end, "KILLED")
    try:
        yield run
    finally:
        run.end("KILLED")  # unless it has ended otherwise
        atexit.unregister(run.end)
