"""A project of its own for every test module, and `kedro` in it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.scratch import make_project, run_python

Kedro = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout, so to say."""
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def kedro(project: Path) -> Kedro:
    """Runs `kedro ...` in the project, as a user types it."""

    def run(*words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_python(project, "-m", "kedro", *words, check=check, **environment)

    return run
