"""The core runs where neither Kedro nor MLflow is installed, and never unpickles."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/backdoor_pipeline"
CORE = (
    "base", "data", "attacks", "defenses", "models", "training", "metrics", "foreign", "scanning",
    "analysis", "api", "reporting",
)  # fmt: skip
OUTSIDE = ("kedro", "kedro_datasets", "mlflow", "click", "omegaconf")


def test_the_core_imports_neither_kedro_nor_mlflow() -> None:
    modules = ", ".join(f"backdoor_pipeline.{room}" for room in CORE)
    code = f"import sys, {modules}\nprint(*({set(OUTSIDE)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("room", CORE)
def test_no_core_file_names_them(room: str) -> None:
    for file in (SOURCE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & set(OUTSIDE), file


READER = SOURCE / "foreign/unpickling.py"  # a program of its own, for files of others


def test_what_reads_files_of_others_is_a_program_that_nothing_imports() -> None:
    calls = [
        line.strip() for line in READER.read_text(encoding="utf-8").splitlines() if "torch.load(" in line
    ]
    assert calls == ['content = torch.load(source, map_location="cpu", weights_only=True)']
    for file in SOURCE.rglob("*.py"):
        imported = [line for line in file.read_text(encoding="utf-8").splitlines() if "import" in line]
        assert not [line for line in imported if "unpickling" in line], file


def test_nothing_unpickles() -> None:
    forbidden = ("import pickle", "torch.load(", "torch.save(", "allow_pickle=True", "joblib")
    for file in {*SOURCE.rglob("*.py")} - {READER}:
        text = file.read_text(encoding="utf-8")
        assert not [word for word in forbidden if word in text], file
