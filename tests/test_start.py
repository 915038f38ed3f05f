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
    assert _imported(f"import {module}") == []


def test_nor_are_methods() -> None:
    both = "from backdoor_pipeline.attacks import ATTACKS\nfrom backdoor_pipeline.defenses import DEFENSES"
    assert _imported(f"{both}\nATTACKS['badnets'], DEFENSES['abl']") == []


def _imported(code: str) -> list[str]:
    told = f"import sys\n{code}\nprint(*({set(SLOW)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return done.stdout.split()
