"""A project of its own: this one's code and configuration, an empty data folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def make_project(folder: Path) -> Path:
    """A fresh checkout, so to say, without its tests."""
    shutil.copytree(PROJECT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf/local").mkdir()
    shutil.copytree(PROJECT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(PROJECT / name, folder)
    return folder


def run_python(
    project: Path, *words: str, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python ...` in the project; a failure ends the test if `check`."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        pytest.fail(f"{' '.join(words)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
