"""A project of its own for every test module: this one's code and configuration, an empty data folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
Kedro = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout, so to say."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf/local").mkdir()
    shutil.copytree(PROJECT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    return folder


@pytest.fixture(scope="module")
def kedro(project: Path) -> Kedro:
    """Runs `kedro ...` in the project, as a user types it."""

    def run(*words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "kedro", *words],
            cwd=project,
            env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(
                f"kedro {' '.join(words)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    return run
