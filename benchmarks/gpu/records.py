"""What a task has found so far: a small JSON file, written anew whenever there is more of it.

Whoever is killed leaves the last one that it wrote. Nothing here imports PyTorch, so that the command which
starts the tasks, and ends them, is there at once.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

RUNNING, DONE, STOPPED, FAILED = "running", "done", "stopped", "failed"  # states


@dataclass
class Phase:
    """One training within a task.

    Attributes:
        epochs: how many it is to have.
        seconds: of wall time for every epoch that is over, what was looked at after it and its checkpoint
            included; those of earlier runs, from which this one went on, too.
        scores: what was found when last looked at, and after which epoch.
    """

    epochs: int
    seconds: list[float] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)

    def add(self, epoch: int, seconds: float, scores: Mapping[str, float]) -> None:
        """Note an epoch, counted from 1: epochs that are trained once more count once."""
        self.seconds[epoch - 1 :] = [round(seconds, 3)]
        if scores:
            self.scores = {"epoch": epoch, **scores}

    @property
    def whole(self) -> float:
        """The seconds of all its epochs: measured if they are over, else extrapolated by their median."""
        return sum(self.seconds) + (self.epochs - len(self.seconds)) * median(self.seconds or [0.0])


@dataclass
class Record:
    """What is known of a task; see `save`.

    Attributes:
        piece: what it is part of.
        task: its name within the piece.
        size: `full` or `smoke`.
        limit: of the piece, in seconds of wall time.
        at_once: how many tasks of the piece share the card.
        eager: whether nothing is compiled, but by what compares the two.
        state: one of those above; `running` is also what is left by one that was killed with its command.
        seconds: of wall time since it was begun.
        machine: where it ran; see `machine.facts`.
        phases: its trainings by name.
        result: numbers.
        error: why it failed.
    """

    piece: str
    task: str
    size: str
    limit: float
    at_once: int
    eager: bool = False
    state: str = RUNNING
    seconds: float = 0.0
    machine: dict[str, str] = field(default_factory=dict)
    phases: dict[str, Phase] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    def save(self, folder: Path) -> None:
        """Write `PIECE-TASK.json` into the folder, whole or not at all."""
        path = file_of(folder, self.piece, self.task)
        folder.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".tmp")
        beside.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        os.replace(beside, path)

    @classmethod
    def load(cls, folder: Path, piece: str, task: str) -> Self | None:
        """What was saved; None if nothing was, or by another version of this class."""
        path = file_of(folder, piece, task)
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            phases = {name: Phase(**phase) for name, phase in content.pop("phases").items()}
            return cls(**content, phases=phases)
        except (ValueError, TypeError, KeyError):
            return None


def file_of(folder: Path, piece: str, task: str) -> Path:
    """Where a task's record is kept."""
    return folder / f"{piece}-{task}.json"
