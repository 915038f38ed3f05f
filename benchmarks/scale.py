"""What ten thousand results cost: plan, report, its page, a warm cell, what MLflow keeps of a cell.

    python -m benchmarks.scale [--keep FOLDER] [piece ...]

Costs are CPU seconds of the process, as users start it: a busy machine changes them less than wall time.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kedro.framework.startup import bootstrap_project

from benchmarks.made_results import NAME, make_results
from benchmarks.sweep import SMALL, copied

PAGE = "data/08_reporting/report/leaderboard.html"

# A process of its own: to Linux, a child's peak begins with its parent's.
WAITS = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command: CPU seconds, wall seconds, peak memory in MiB."""

    cpu: float
    wall: float
    peak: float

    def __str__(self) -> str:
        return f"{self.cpu:.1f} CPU seconds ({self.wall:.1f} s passed), peak {self.peak:,.0f} MiB"


def cost_of(project: Path, *words: str) -> Cost:
    """What `kedro ...` costs in a project.

    Raises:
        RuntimeError: it failed.
    """
    begun = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(project / "src"), "COLUMNS": "160"}
    command = [sys.executable, "-S", "-c", WAITS, sys.executable, "-m", "kedro", *words]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    cpu, peak = map(float, done.stdout.split()[-2:])
    return Cost(cpu, time.perf_counter() - begun, peak / 1024)


def start(project: Path) -> Iterator[str]:
    """A command that does nothing."""
    yield f"kedro sweep --help: {cost_of(project, 'sweep', '--help')}"


def plan(project: Path) -> Iterator[str]:
    """A plan of finished cells, and one of 8,000 new ones."""
    yield f"plan of the finished cells: {cost_of(project, 'sweep', NAME, '--dry-run')}"
    yield f"plan of the paper's 8,000 cells: {cost_of(project, 'sweep', 'paper', '--dry-run')}"


def report(project: Path) -> Iterator[str]:
    """The report of the experiments' own records, then of the table that a sweep makes of them."""
    yield f"report of records: {cost_of(project, 'run', '--pipeline=report')}"
    yield f"leaderboard: {(project / PAGE).stat().st_size / 1e6:.2f} MB"
    yield f"sweep with nothing to do, which makes the table: {cost_of(project, 'sweep', NAME)}"
    yield f"report of the table: {cost_of(project, 'run', '--pipeline=report')}"


def cell(project: Path, cells: int = 20) -> Iterator[str]:
    """CPU seconds of a warm cell that has nothing to do, and what `mlflow.db` grows by for each."""
    from backdoor_pipeline.sweep.execution import Job, Site, execute

    folder, database = project / "data/08_reporting/sweeps/benchmark", project / "mlflow.db"
    site = Site(str(project), None, 1, str(folder))
    job = Job(
        "cell", "cell", "evaluate", SMALL, [str(project / "data/08_reporting/own")], str(folder / "log")
    )
    for _ in range(3):  # builds it; then warms up
        outcome = execute(job, site)
        assert outcome.status == "done", outcome.error
    seconds, size = [], database.stat().st_size
    for _ in range(cells):
        begun = time.process_time()
        assert execute(job, site).status == "done"
        seconds.append(time.process_time() - begun)
    grown = (database.stat().st_size - size) / cells / 1024
    median, least, most = statistics.median(seconds), min(seconds), max(seconds)
    yield f"warm cell: median {median:.2f} CPU seconds, from {least:.2f} to {most:.2f}"
    yield f"mlflow.db: {grown:.1f} KiB more for every cell"


PIECES: dict[str, Callable[[Path], Iterator[str]]] = {
    "start": start,
    "plan": plan,
    "report": report,
    "cell": cell,
}


def main() -> None:
    """Print the costs, each as soon as it is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "pieces",
        nargs="*",
        choices=[*PIECES, []],
        metavar="piece",
        help=f"default: all of {', '.join(PIECES)}",
    )
    parser.add_argument("--keep", type=Path, help="a folder for the project; one that is there is used again")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        project = arguments.keep or Path(temporary)
        new = not (project / "conf").exists()
        if new:
            copied(project)
        bootstrap_project(project)
        if new:
            print(f"{make_results(project):,} results, made in {cpu():.0f} CPU seconds", flush=True)
        for name in arguments.pieces or PIECES:
            for line in PIECES[name](project):
                print(line, flush=True)


def cpu() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
