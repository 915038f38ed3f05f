"""A sweep from its options to its exit code."""

import os
from dataclasses import dataclass
from pathlib import Path

from kedro.framework.project import settings
from rich.console import Console

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.places import told_from
from backdoor_pipeline.config import environment_parameters
from backdoor_pipeline.data.manifest import remember
from backdoor_pipeline.experiment.command_line import parse_params
from backdoor_pipeline.experiment.failures import Failures
from backdoor_pipeline.experiment.recipes import spelled_out
from backdoor_pipeline.hooks.mlflow_store import store_of
from backdoor_pipeline.hooks.summary import where_runs_are
from backdoor_pipeline.sweep.assumed import Machine, cost_of, read_machine
from backdoor_pipeline.sweep.axes import parse_axes
from backdoor_pipeline.sweep.cost_display import show_cost
from backdoor_pipeline.sweep.display import Board, duration, show_failures, show_plan
from backdoor_pipeline.sweep.engine import Engine
from backdoor_pipeline.sweep.execution import Site
from backdoor_pipeline.sweep.grid import Grid, chosen, read_grid
from backdoor_pipeline.sweep.launch import KINDS, Launcher, Progress
from backdoor_pipeline.sweep.layout import Layout, config_loader
from backdoor_pipeline.sweep.plan import Plan, make_plan
from backdoor_pipeline.sweep.results import write_results
from backdoor_pipeline.sweep.timings import Timings
from backdoor_pipeline.sweep.tracking import sweep_run
from backdoor_pipeline.training.hardware import Hardware


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `kedro sweep`; see there."""

    name: str | None
    axes: tuple[str, ...]
    only: tuple[str, ...]
    params: tuple[str, ...]
    env: str | None
    pipeline: str
    dry_run: bool
    retry_failed: bool
    engine: str
    workers: int | None
    threads: int | None
    address: str
    retries: int
    assume: str | None = None


def run_sweep(options: Options) -> int:
    """Plan and carry out a sweep.

    Returns:
        The exit code: 0 if every feasible cell is evaluated, 1 if something failed, 130 after Ctrl-C.

    Raises:
        UserError: the grid is not one, or none of its cells can be.
    """
    console, project = Console(), Path.cwd()
    machine = assumed_machine(options)
    env = options.env or os.environ.get("KEDRO_ENV")
    grid = requested_grid(options, env, project)
    loader = config_loader(project, env)
    layout = Layout.of(loader, project)
    name = options.name or f"grid-{grid.digest()}"
    folder = layout.reporting / "sweeps" / name
    failures = Failures(folder / "failures")
    known = {} if options.retry_failed else failures.read()
    parameters = loader["parameters"]
    only = parse_axes(options.only, "--only")
    cells = chosen(grid.cells(), only, flatten(spelled_out(parameters)))
    given = environment_parameters(loader)
    plan = make_plan(parameters, cells, layout, options.pipeline, known, options.dry_run, given)
    if not plan.cells and not options.dry_run:
        raise UserError(f"no cell of the grid can be: {why_none(plan, grid)}")
    if options.engine == "local" and plan.tasks:
        for how in {cell.experiment.engine for cell in plan.cells}:
            Hardware.resolve(how)  # a cluster's nodes may have what this one lacks
    timings = Timings(layout, failures.left_out)
    if plan.tasks and any(plan.reused.values()):
        timings.learn(plan.cells)
    workers, threads, gpus = division(options)
    console.print(f"Sweep {name}: {told_from(project, folder)}", soft_wrap=True, highlight=False)
    show_plan(console, plan, timings.estimate(plan), workers, options.dry_run)
    if options.dry_run:
        if machine:
            show_cost(console, cost_of(plan, machine, str(options.assume)), machine)
        return 0
    for dataset in {cell.experiment.dataset.name: cell.experiment.dataset for cell in plan.cells}.values():
        remember(dataset, layout.raw)
    store = store_of(loader["mlflow"], project)
    shared = sorted(grid.shared() - flatten(parse_params(options.params)).keys())
    board = Board(console, plan, expected_seconds(plan, timings), workers)
    progress, stopped, experiment = Progress(), False, ""
    if plan.tasks:
        with sweep_run(store, name, grid, plan, project) as run, board:
            site = Site(str(project), env, threads, str(folder), name, run.id, shared)
            engine = make_engine(options, site, workers, gpus, grid)
            progress, stopped = carry_out(plan, engine, layout, folder, failures, board)
            if not stopped:
                experiment = run.experiment if run.open else ""
                run.end("FAILED" if any(progress.failed.values()) else "FINISHED")
    store.close_killed()
    for line in where_runs_are(loader["mlflow"]["tracking_uri"], experiment) if experiment else ():
        console.print(line, soft_wrap=True, highlight=False)
    return conclude(console, plan, layout, failures, progress, stopped)


def assumed_machine(options: Options) -> Machine | None:
    """The machine on which a dry run is to tell the cost, if it is to.

    Raises:
        UserError: see `read_machine`; or this is no dry run.
    """
    if options.assume is None:
        return None
    if not options.dry_run:
        raise UserError("--assume tells what a plan will cost: add --dry-run.")
    return read_machine(Path(options.assume))


def requested_grid(options: Options, env: str | None, project: Path) -> Grid:
    """The grid of the named file, with the command line's axes and parameters over it."""
    conf = project / settings.CONF_SOURCE
    folders = [conf / one / "sweeps" for one in (env, "local", "base") if one]
    grid = read_grid(options.name, folders) if options.name else Grid()
    params = flatten(parse_params(options.params))
    return grid.changed(parse_axes(options.axes, "--grid"), params)


def why_none(plan: Plan, grid: Grid) -> str:
    """Why a plan has no cell."""
    if plan.infeasible:
        return plan.infeasible[0][1]
    if grid.grid:
        return "`exclude` leaves none: let it name fewer values."
    return "give it a --grid or the name of a sweep."


def division(options: Options) -> tuple[int, int, int]:
    """Workers, threads in each, and this machine's GPUs."""
    import torch

    cores = len(os.sched_getaffinity(0))
    gpus = torch.cuda.device_count()
    workers = options.workers or gpus or max(1, cores // (options.threads or 1))
    default = 1 if options.engine == "ray" else max(1, cores // workers)
    return workers, options.threads or default, gpus


def make_engine(options: Options, site: Site, workers: int, gpus: int, grid: Grid) -> Engine:
    """The engine that was asked for."""
    if options.engine == "ray":
        from backdoor_pipeline.sweep.ray_engine import RayEngine

        cpus = workers * site.threads
        return RayEngine(site, options.address, cpus, options.retries, grid.resources)
    from backdoor_pipeline.sweep.local import LocalEngine

    return LocalEngine(site, workers, options.retries, gpus)


def expected_seconds(plan: Plan, timings: Timings) -> dict[str, float]:
    """What a task of each kind is expected to take on average, where all of its kind are known."""
    expected: dict[str, float] = {}
    for kind in KINDS:
        tasks = [task for task in plan.tasks.values() if task.kind == kind]
        found = [timings.stage(stage, task.cell) for task in tasks for stage in task.stages]
        if tasks and None not in found:
            expected[kind] = sum(one for one in found if one is not None) / len(tasks)
    return expected


def carry_out(
    plan: Plan, engine: Engine, layout: Layout, folder: Path, failures: Failures, board: Board
) -> tuple[Progress, bool]:
    """Run the plan's tasks; on Ctrl-C stop them. Returns the progress and whether it was stopped."""
    launcher = Launcher(plan, engine, layout, folder, failures, board)
    try:
        return launcher.run(), False
    except KeyboardInterrupt:
        return launcher.progress, True
    finally:
        engine.close()


def conclude(
    console: Console, plan: Plan, layout: Layout, failures: Failures, progress: Progress, stopped: bool
) -> int:
    """Write the table of results, say what came of it, and return the exit code."""
    rows = write_results(layout, plan.cells, failures.left_out)
    found = [one for id, one in failures.read().items() if id in plan.failed or id in plan.tasks]
    blocked = len(plan.blocked) + progress.blocked["cell"]
    spent = duration(sum(progress.seconds.values()))
    console.print(
        f"{rows} of {len(plan.cells)} cells are in {layout.results}; {spent} of work.", soft_wrap=True
    )
    if stopped:
        console.print("Stopped. The same command goes on from here.")
        return 130
    show_failures(console, found, blocked, "failed")
    if found:
        console.print("Try what failed again with --retry-failed.")
    return 1 if found else 0
