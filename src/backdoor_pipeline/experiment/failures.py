"""Failures, one JSON file for each task that failed."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from backdoor_pipeline.base.files import replacing


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task failed, and where to read more."""

    task: str
    error: str
    params: str  # of its cell, as a user would type them
    log: str  # below the sweep's folder
    when: str = ""


class Failures:
    """The failures recorded below a folder.

    Args:
        folder: of one sweep.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> dict[str, Failure]:
        """All of them, by the task's id."""
        found = (json.loads(file.read_text(encoding="utf-8")) for file in self._folder.rglob("*.json"))
        return {one["task"]: Failure(**one) for one in found}

    def record(self, failure: Failure) -> None:
        """Write one down."""
        stamped = {**asdict(failure), "when": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        with replacing(self._file(failure.task)) as temporary:
            temporary.write_text(json.dumps(stamped, indent=2) + "\n", encoding="utf-8")

    def forget(self, task: str) -> None:
        """Remove the record of a task that has succeeded, if there is one."""
        self._file(task).unlink(missing_ok=True)

    def _file(self, task: str) -> Path:
        return self._folder / f"{task}.json"
