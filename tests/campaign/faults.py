"""Faults that strike a run at a chosen operation on a chosen file: a kill, or a disk that is full.

Python tells audit hooks of every file that it opens and renames, before it does so; an exception there is the
operation's own. The campaign's project has `FaultHooks` among its hooks, which arm what the environment says.
"""

import errno
import json
import os
import re
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kedro.framework.hooks import hook_impl

VARIABLE = "CAMPAIGN_FAULT"
TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{8}\.tmp")
WRITES = os.O_WRONLY | os.O_RDWR

Operation = Literal["open", "write", "fsync", "rename", "renamed", "never"]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong.

    Attributes:
        what: kill: SIGKILL; full: the operation fails as on a full disk (a write is really cut off, by the
            limit on the size of files).
        at: the first operation of this kind ...
        target: ... on this file, below `data`; `renamed` is the moment just after its rename.
        seconds: kill after so long, whatever is going on then.
        log: a file, outside the project, that gets a line for every rename and every epoch.
    """

    what: Literal["kill", "full", "nothing"] = "nothing"
    at: Operation = "never"
    target: str = ""
    seconds: float = 0.0
    log: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """By which it reaches the run."""
        return {VARIABLE: json.dumps(asdict(self))}


class FaultHooks:
    """Arms the fault once Kedro is set up: what comes before writes nothing."""

    @hook_impl
    def after_context_created(self, context: Any) -> None:
        """Arm it."""
        if VARIABLE in os.environ:
            _Armed(Fault(**json.loads(os.environ[VARIABLE])), f"{context.project_path}/data/")


class _Armed:
    def __init__(self, fault: Fault, data: str) -> None:
        self._fault, self._data = fault, data
        self._log = os.open(fault.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if fault.log else None
        self._begun = self._renamed = self._struck = False
        self._fsync = os.fsync
        os.fsync = self._synchronize
        sys.addaudithook(self._hear)
        self._count_epochs()
        if fault.seconds:
            _kill_later(fault.seconds)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if self._renamed and event == "open":
            os.kill(os.getpid(), signal.SIGKILL)
        if event == "os.rename" and (file := self._below(args[1])):
            self._note(f"rename {file}")
            self._meet("rename", file)
            self._renamed = self._fault.at == "renamed" and file == self._fault.target
        elif event == "open" and isinstance(args[2], int) and args[2] & WRITES:
            if file := self._below(args[0]):
                self._meet("open", file)
                self._begun = file == self._fault.target
                if self._begun and self._fault.at == "write" and not self._struck:
                    self._struck = True
                    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY))
        elif event == "os.remove" and self._struck:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def _synchronize(self, descriptor: int) -> None:
        if self._begun:
            self._meet("fsync", self._fault.target)
        self._fsync(descriptor)

    def _meet(self, operation: Operation, file: str) -> None:
        if self._struck or (operation, file) != (self._fault.at, self._fault.target):
            return
        self._struck = True
        if self._fault.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _below(self, path: Any) -> str:
        """A path below `data`, a temporary one as what it is to become; nothing for other paths."""
        if not isinstance(path, str | os.PathLike):
            return ""
        absolute = os.path.abspath(path)
        if not absolute.startswith(self._data) or ".corrupt-" in absolute or "/.locks/" in absolute:
            return ""
        folder, name = os.path.split(absolute.removeprefix(self._data))
        found = TEMPORARY.fullmatch(name)
        return f"{folder}/{found[1] if found else name}"

    def _note(self, line: str) -> None:
        if self._log is not None:
            os.write(self._log, f"{line}\n".encode())

    def _count_epochs(self) -> None:
        from backdoor_pipeline.training.loop import Loop

        stock = Loop.epoch

        def epoch(loop: Loop, losses: Any, bar: Any) -> dict[str, float]:
            row = stock(loop, losses, bar)
            self._note(f"epoch {loop.purpose} {len(losses) + 1}")
            return row

        Loop.epoch = epoch  # type: ignore[method-assign]


def _kill_later(seconds: float) -> None:
    """Have another process do it, whatever this one is busy with."""
    victim = os.getpid()
    if not os.fork():
        time.sleep(seconds)
        if os.getppid() == victim:
            os.kill(victim, signal.SIGKILL)
        os._exit(0)
