"""The command: `python benchmarks/gpu/run --data FOLDER --out FOLDER [piece ...]`.

Measures, piece by piece, what nobody can know without a GPU: the engine's speed, attacks and defenses at the
paper's settings, Neural Cleanse's batches, and where a step's time goes. Every result is a small JSON file as
soon as there is one; `table.md` is made from these at the end, or by the piece `table` alone. What is done is
not done again, and trainings that were cut short go on from their checkpoints in FOLDER/weights.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.pieces import PIECES, tasks_of
from benchmarks.gpu.records import DONE, FAILED, Record
from benchmarks.gpu.table import write_table
from benchmarks.gpu.tasks import Task, run_tasks

TABLE = "table"


def main(words: Sequence[str] | None = None) -> int:
    """Run the pieces asked for; 1 if a task failed."""
    args = _asked_for(words)
    args.out.mkdir(parents=True, exist_ok=True)
    size, failed = "smoke" if args.smoke else "full", False
    for name in args.pieces or (*PIECES, TABLE):
        if name != TABLE:
            failed |= _run(name, size, args)
        table = write_table(args.out)
    print(f"see {table}")
    return int(failed)


def _run(name: str, size: str, args: argparse.Namespace) -> bool:
    """Run a piece's tasks that are not done; whether one failed."""
    at_once, limit = args.at_once or PIECES[name].at_once, args.limit or PIECES[name].limit
    tasks = tasks_of(Record(name, "", size, limit, at_once, args.eager), args.data, args.only)
    todo = [task for task in tasks if not _done(task, args.out)]
    _say(f"{name}: {len(todo)} of {len(tasks)} tasks to do, {at_once} at a time, {limit:g} s at most")
    failed = False
    for record in run_tasks(todo, args.out, at_once, limit):
        _say(f"{name} {record.task}: {record.state} after {record.seconds:.0f} s. {record.error}")
        failed |= record.state == FAILED
    return failed


def _done(task: Task, out: Path) -> bool:
    """Whether a task is; of an attack that was only begun, its record takes over the epochs that are over.

    A defense begins anew.
    """
    before = Record.load(out, task.record.piece, task.record.task)
    if before is None or before.size != task.record.size:
        return False
    if task.record.piece == "attacks":
        task.record.phases = before.phases
    return before.state == DONE


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)


def _asked_for(words: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says; nothing unknown."""
    parser = _parser()
    args = parser.parse_args(words)
    tasks = {task for piece in PIECES.values() for task in piece.tasks}
    for given, known in ((args.pieces, {*PIECES, TABLE}), (args.only, tasks)):
        if unknown := sorted(set(given) - known):
            parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks/gpu/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = f"{', '.join(PIECES)} or {TABLE}; none: all of them"
    parser.add_argument("pieces", nargs="*", metavar="piece", help=names)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with cifar10-jpeg-{train,test}.parquet"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of results; weights go below it")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="TASK", help="such as: attacks --only badnets none"
    )
    parser.add_argument("--limit", type=float, help="seconds of wall time of each piece, in place of its own")
    parser.add_argument(
        "--at-once", type=int, help="tasks that share the card, in place of the piece's own number"
    )
    parser.add_argument("--eager", action="store_true", help="compile nothing, should that fail")
    parser.add_argument(
        "--smoke", action="store_true", help="tiny data, models and trainings: whether all runs"
    )
    return parser
