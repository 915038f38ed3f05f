"""What a sweep shows: the plan, one live table, the failures."""

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from backdoor_pipeline.experiment.failures import Failure
from backdoor_pipeline.sweep.execution import Outcome
from backdoor_pipeline.sweep.launch import KINDS, Progress
from backdoor_pipeline.sweep.listing import cell_lines
from backdoor_pipeline.sweep.plan import Plan, Task

SHOWN = 10  # of a long list
LABELS = {"prepare": "attackers' networks", "poison": "poisoned sets", "train": "victims", "cell": "cells"}


def show_plan(console: Console, plan: Plan, estimate: tuple[float, int], slots: int, every: bool) -> None:
    """Cells, stages to build, reused ones, what cannot be and why, and an estimate."""
    again = f", {plan.duplicates} more are the same experiments" if plan.duplicates else ""
    cells = f"{len(plan.cells)} cells, {plan.finished} of them finished{again}"
    console.print(f"{cells}; {len(plan.infeasible)} infeasible.", highlight=False)
    table = Table(header_style="bold")
    for heading in ("stage", "to build", "reused"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    to_build = plan.to_build()
    for stage, count in plan.reused.items():
        table.add_row(stage, str(len(to_build.get(stage, []))), str(count))
    console.print(table)
    for reason, count in Counter(reason for _, reason in plan.infeasible).most_common():
        console.print(f"infeasible: {count} × {reason}", soft_wrap=True, highlight=False)
    for sentence, count in plan.absent.items():
        console.print(f"not here yet, for {count} cells: {sentence}", soft_wrap=True, highlight=False)
    show_failures(console, plan.failed.values(), len(plan.blocked), "failed before (--retry-failed)")
    seconds, unknown = estimate
    if plan.tasks:
        rest = f", and {unknown} stages never timed before" if unknown else ""
        console.print(f"Estimate: {duration(seconds / slots)} with {slots} at once{rest}.", highlight=False)
    if every:
        for line in cell_lines(plan):
            console.print(line, soft_wrap=True, markup=False, highlight=False)


def show_failures(console: Console, failures: Iterable[Failure], blocked: int, label: str) -> None:
    """Each failure with its error and its log, and how many cells wait for them."""
    found = sorted(failures, key=lambda one: one.task)
    for one in found[:SHOWN]:
        console.print(
            f"{label}: {one.task}: {one.error} [{one.log}]", soft_wrap=True, markup=False, highlight=False
        )
    if len(found) > SHOWN:
        console.print(f"{label}: {len(found) - SHOWN} more")
    if blocked:
        console.print(f"{blocked} cells need what failed.")


class Board:
    """The live table; on anything but a terminal, a line for each task that ends.

    Args:
        console: where to.
        plan: what is carried out.
        expected: seconds of a task of each kind, as far as known.
        width: how many tasks run at once.
    """

    def __init__(self, console: Console, plan: Plan, expected: dict[str, float], width: int) -> None:
        self._console, self._plan, self._expected, self._width = console, plan, expected, width
        self._start = time.monotonic()
        self._ended = 0
        self._live = Live(console=console, refresh_per_second=2) if console.is_terminal else None

    def __enter__(self) -> "Board":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live:
            self._live.stop()

    def ended(self, task: Task, outcome: Outcome) -> None:
        """See `Watcher.ended`."""
        self._ended += 1
        line = f"{self._ended}/{self._total} {outcome.status} {task.id} {outcome.seconds:.1f} s"
        if outcome.status == "failed":
            self._console.print(f"{line}: {outcome.error}", soft_wrap=True, markup=False, highlight=False)
        elif not self._live:
            self._console.print(line, soft_wrap=True, highlight=False)

    def tick(self, progress: Progress) -> None:
        """See `Watcher.tick`."""
        if self._live:
            self._live.update(self._table(progress))

    @property
    def _total(self) -> int:
        return len(self._plan.tasks)

    def _table(self, progress: Progress) -> Table:
        passed = time.monotonic() - self._start
        left = eta(progress, self._expected, self._width)
        title = f"{duration(passed)} passed, {'about ' + duration(left) if left is not None else '–'} left"
        table = Table(title=title, title_justify="left", header_style="bold")
        for heading in ("", "to do", "running", "done", "reused", "failed"):
            table.add_column(heading, justify="right" if heading else "left")
        for kind in KINDS:
            reused = self._plan.finished if kind == "cell" else self._plan.reused[kind]
            failed = progress.failed[kind] + progress.blocked[kind]
            waiting = progress.left(kind) - progress.running[kind]
            counts = (waiting, progress.running[kind], progress.done[kind], reused, failed)
            table.add_row(LABELS[kind], *map(str, counts))
        return table


def eta(progress: Progress, expected: dict[str, float], width: int) -> float | None:
    """Seconds left: for each kind what its tasks took so far, else what was expected; None if unknown."""
    total = 0.0
    for kind in KINDS:
        if left := progress.left(kind):
            each = progress.seconds[kind] / progress.done[kind] if progress.done[kind] else expected.get(kind)
            if each is None:
                return None
            total += left * each
    return total / width


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(3700)
    '1 h 2 min'
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
