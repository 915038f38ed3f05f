"""Several tasks at a time, each a process of its own, all ended when their piece's time is over."""

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.gpu.records import DONE, FAILED, RUNNING, STOPPED, Record

POLL = 0.05  # seconds


@dataclass(frozen=True)
class Task:
    """Something to measure.

    Attributes:
        record: that of the task as it is begun.
        work: fills the record's result and saves it whenever there is more; in a process of its own.
    """

    record: Record
    work: Callable[[Record, Path], None]


def run_tasks(tasks: Sequence[Task], folder: Path, at_once: int, limit: float) -> Iterator[Record]:
    """Run them, so many at a time, for so many seconds at most.

    Args:
        tasks: in the order in which they are begun.
        folder: of their records.
        at_once: how many share the machine.
        limit: seconds after which what still runs is killed and nothing more is begun.

    Yields:
        The record of each task as it ends; none of those that were never begun.
    """
    deadline, waiting = time.monotonic() + limit, list(tasks)
    running: list[tuple[Task, BaseProcess, float]] = []
    try:
        while waiting or running:
            in_time = time.monotonic() < deadline
            while in_time and waiting and len(running) < at_once:
                running.append(_begun(waiting.pop(0), folder))
            ended = [one for one in running if not in_time or not one[1].is_alive()]
            running = [one for one in running if one not in ended]
            for task, process, start in ended:
                yield _closed(task, process, folder, time.monotonic() - start)
            if not in_time:
                return
            time.sleep(POLL)
    finally:
        for _, process, _ in running:
            process.kill()


def _begun(task: Task, folder: Path) -> tuple[Task, BaseProcess, float]:
    task.record.save(folder)
    arguments = (task, folder, os.getpid())
    process = multiprocessing.get_context("spawn").Process(target=_work, args=arguments)
    process.start()
    return task, process, time.monotonic()


def _closed(task: Task, process: BaseProcess, folder: Path, seconds: float) -> Record:
    """End a process whose time is over; the record says how it ended."""
    stopped = process.is_alive()
    process.kill()
    process.join()
    record = Record.load(folder, task.record.piece, task.record.task) or task.record
    if record.state == RUNNING:
        record.state = STOPPED if stopped else FAILED
        record.error = record.error or ("" if stopped else f"its process ended with {process.exitcode}")
    record.seconds = round(seconds, 1)
    record.save(folder)
    return record


def _work(task: Task, folder: Path, command: int) -> None:
    multiprocessing.set_start_method("fork", force=True)  # else a DataLoader's workers would be spawned, too
    threading.Thread(target=_end_with, args=(command,), daemon=True).start()
    try:
        task.work(task.record, folder)
        task.record.state = DONE
    except Exception as error:
        traceback.print_exc()
        task.record.state, task.record.error = FAILED, f"{type(error).__name__}: {error}"
    task.record.save(folder)


def _end_with(command: int) -> None:
    """End this process when the command that began it is gone: a card must not stay busy for nobody."""
    while os.getppid() == command:
        time.sleep(1)
    os._exit(1)
