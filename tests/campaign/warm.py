"""`kedro ...` in forks of one process that has imported everything: a tenth of a second each, not four.

Run as a script, this file is that process: it reads requests as lines of JSON and answers with exit codes.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

MODULES = ("kedro.framework.cli.cli", "mlflow.tracking.client", "backdoor_pipeline.sweep.command")
MODULES += ("backdoor_pipeline.cli", "backdoor_pipeline.hooks.checks")
ENVIRONMENT = {"COLUMNS": "160", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: its exit code (-9: it was killed, as one is that hangs) and what it printed."""

    code: int
    stdout: str
    stderr: str


class WarmKedro:
    """Runs commands in a project, as users type them.

    Args:
        project: its root.
        scratch: a folder outside it, for what the commands print.
        patience: seconds for one command; longer counts as hanging.
        also: more modules to import beforehand.
        environment: of the commands.
    """

    def __init__(
        self,
        project: Path,
        scratch: Path,
        patience: int = 60,
        also: Iterable[str] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.project = project
        self._files = scratch / "stdout", scratch / "stderr"
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(project), str(patience), *also],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **ENVIRONMENT, **environment},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def run(self, *words: str, cwd: Path | None = None, **environment: str) -> Done:
        """Run `kedro` with these words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        files = [str(file) for file in self._files]
        request = {"words": words, "cwd": str(cwd or self.project), "env": environment, "files": files}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        stdout, stderr = (file.read_text(encoding="utf-8", errors="replace") for file in self._files)
        return Done(code, stdout, stderr)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def serve(project: str, patience: str, *also: str) -> None:
    """Import everything, then fork for each request."""
    os.chdir(project)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing that an import prints must end up among the answers
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(Path(project))
    for module in (*MODULES, *also):
        import_module(module)

    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _obey(request)
        print(_code(child, int(patience)), file=answers, flush=True)


def _code(child: int, patience: int) -> int:
    """The exit code of a child, which is killed when it takes too long."""

    def kill(*_: object) -> None:
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.alarm(patience)
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    return os.waitstatus_to_exitcode(status)


def _obey(request: Mapping[str, Any]) -> None:
    """Run the command in this process, and end it."""
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    for descriptor, name in zip((1, 2), request["files"], strict=True):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), descriptor)
    from kedro.framework.cli.cli import main

    sys.argv = ["kedro", *request["words"]]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
