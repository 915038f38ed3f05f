"""Failures, one JSON file for each task that failed."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from backdoor_pipeline.base.files import replacing
from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.base.reading import patiently
from backdoor_pipeline.base.secrets import redact


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task failed, and where to read more."""

    task: str
    error: str
    params: str  # of its cell, as a user would type them
    log: str  # below the sweep's folder
    when: str = ""


RECORD = TypeAdapter(Failure)


class Failures:
    """The failures recorded below a folder.

    Args:
        folder: of one sweep.
        left_out: told of records that cannot be used; other readers may share it.
    """

    def __init__(self, folder: Path, left_out: LeftOut | None = None) -> None:
        self.left_out = left_out or LeftOut()
        self._folder = folder

    def read(self) -> dict[str, Failure]:
        """All of them, by the task's id."""
        files = sorted(self._folder.rglob("*.json"))
        found = [self.left_out.read(file, _read, "delete it; a sweep tries its task again") for file in files]
        return {one.task: one for one in found if one}

    def record(self, failure: Failure) -> None:
        """Write one down."""
        told = {name: redact(value) for name, value in asdict(failure).items()}
        stamped = {**told, "when": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
        with replacing(self._file(failure.task)) as temporary:
            temporary.write_text(json.dumps(stamped, indent=2) + "\n", encoding="utf-8")

    def forget(self, task: str) -> None:
        """Remove the record of a task that has succeeded, if there is one."""
        self._file(task).unlink(missing_ok=True)

    def _file(self, task: str) -> Path:
        return self._folder / f"{task}.json"


def _read(file: Path) -> Failure:
    return RECORD.validate_python(json.loads(patiently(Path.read_bytes, file)))
