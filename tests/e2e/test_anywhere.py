"""Commands work the same wherever in the project they are typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def kedro(folder: Path, *words: str) -> str:
    """What a command prints that is typed in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{words} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def notebooks(project: Path) -> Path:
    """Where people work who do not work at the root."""
    (project / "notebooks").mkdir()
    return project / "notebooks"


def test_a_run_leaves_everything_where_it_belongs(notebooks: Path) -> None:
    kedro(notebooks, "run", "--env", "smoke", "--pipeline", "poison")
    assert list(notebooks.iterdir()) == []
    (rows,) = (notebooks.parent / "data/02_poisoned").rglob("train.parquet")
    assert (rows.parent / "metrics.json").exists(), "all of a stage's files are in one folder"
    assert "poison (reused)" in kedro(notebooks.parent, "run", "--env", "smoke", "--pipeline", "poison")


def test_data_sets_are_found(notebooks: Path) -> None:
    put_there = notebooks.parent / "data/01_raw/imagenet"
    for split in ("train", "val"):
        (put_there / split).mkdir(parents=True)
    told, at_root = (kedro(folder, "data", "list").splitlines() for folder in (notebooks, notebooks.parent))
    assert told[-len(at_root) :] == at_root, (
        "but for how Kedro logs, which it decides by the working directory"
    )
    assert any(line.startswith("✓ imagenet") for line in told)


def test_sweeps_are_known(notebooks: Path) -> None:
    assert "60 cells" in kedro(notebooks, "sweep", "digits", "--dry-run")
    assert list(notebooks.iterdir()) == []
