"""Tasks that measure nothing, for the command that runs tasks; light to import in their processes."""

import os
import time
from pathlib import Path

from benchmarks.gpu.records import Record


def note_times(record: Record, folder: Path) -> None:
    """Take a while, and note from when to when."""
    start = time.monotonic()
    time.sleep(1.5)
    record.result = {"from": start, "to": time.monotonic()}


def find_then_sleep(record: Record, folder: Path) -> None:
    """Find something, and never end."""
    record.result = {"found": 1}
    record.save(folder)
    time.sleep(600)


def fail(record: Record, folder: Path) -> None:
    """Go wrong in a way that can be told."""
    raise ValueError("no such thing")


def die(record: Record, folder: Path) -> None:
    """End as a process does that is out of memory."""
    os._exit(9)
