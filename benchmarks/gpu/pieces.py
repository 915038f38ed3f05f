"""The pieces: what each runs, how many of its tasks at a time, for how long.

A piece's module is imported in the processes of its tasks only.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.records import Record
from benchmarks.gpu.tasks import Task


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the measurements.

    Attributes:
        module: whose `work` does a task.
        tasks: their names, in the order in which they are begun.
        at_once: how many share the card.
        limit: seconds of wall time, below nine minutes each; of all pieces together below 25 minutes.
    """

    module: str
    tasks: Sequence[str]
    at_once: int
    limit: float


PIECES = {
    "engine": Piece("engine", ("speed",), 1, 180),
    "attacks": Piece("attacks", ("badnets", "none", "blended", "wanet", "ssba", "inputaware"), 3, 520),
    "defenses": Piece("defenses", ("ft", "fp", "nad", "anp", "nc", "spectral", "ac", "abl", "dbd"), 3, 450),
    "nc": Piece("cleanse", ("search",), 1, 200),
    "profile": Piece("profiling", ("steps",), 1, 140),
}


@dataclass(frozen=True, slots=True)
class Work:
    """Does a task in its own process.

    Attributes:
        module: of the piece.
        data: folder of raw data.
        threads: of the process.
    """

    module: str
    data: Path
    threads: int

    def __call__(self, record: Record, out: Path) -> None:
        """See `tasks.Task`."""
        from benchmarks.gpu.job import Job  # here: PyTorch, which the command itself does without

        import_module(f"benchmarks.gpu.{self.module}").work(Job(record, out, self.data, self.threads).begin())


def tasks_of(like: Record, data: Path, chosen: Sequence[str]) -> list[Task]:
    """The tasks of a piece.

    Args:
        like: what all their records begin with; its own task counts for nothing.
        data: folder of raw data.
        chosen: names of tasks; none: all.
    """
    piece = PIECES[like.piece]
    work = Work(piece.module, data, max(1, (os.cpu_count() or 1) // like.at_once))
    names = [task for task in piece.tasks if task in chosen or not chosen]
    return [Task(replace(like, task=name, phases={}, result={}), work) for name in names]
