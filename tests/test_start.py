"""Commands start without what takes seconds to import and most of them never use."""

import subprocess
import sys

import pytest

SLOW = ("torchvision", "torch._dynamo", "sympy", "sklearn", "mlflow", "umap", "ray")


@pytest.mark.parametrize(
    "module",
    [
        "backdoor_pipeline.settings",
        "backdoor_pipeline.cli",
        "backdoor_pipeline.sweep.command",
        "backdoor_pipeline.api",
    ],
)
def test_nothing_slow_is_imported_at_the_start(module: str) -> None:
    code = f"import sys, {module}\nprint(*({set(SLOW)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
