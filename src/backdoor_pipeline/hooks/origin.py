"""Where a run comes from, in the tags in which MLflow's pages look for it."""

import getpass
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.secrets import redact


def origin(command: str, project: Path) -> dict[str, str]:
    """The command that started a run, who did, and the code that it ran, as far as these are known.

    Args:
        command: as somebody may type it again.
        project: its folder.
    """
    known = {
        "mlflow.source.name": redact(command),
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        "mlflow.source.git.commit": _commit(project),
    }
    return {name: value for name, value in known.items() if value}


def command_of(run_params: Mapping[str, Any]) -> str:
    """The `kedro run` that does the same, in a worker of a sweep too."""
    words = ["kedro run"]
    if env := run_params.get("env"):
        words.append(f"--env={env}")
    words += [f"--pipeline={name}" for name in run_params.get("pipeline_names") or []]
    typed = flatten(run_params.get("runtime_params") or {})
    if typed:
        words.append("--params " + ",".join(f"{name}:{value}" for name, value in typed.items()))
    return " ".join(words)


def _user() -> str:
    with suppress(OSError, KeyError, ImportError):  # a container may know no name for its user
        return getpass.getuser()
    return ""


def _commit(project: Path) -> str:
    with suppress(OSError):  # there need not be git
        answer = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True, check=False
        )
        return answer.stdout.strip()
    return ""
