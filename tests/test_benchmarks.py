"""The examples in the docstrings of `benchmarks/` hold."""

import doctest
import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", ["fine_tuning_rate", "validation_split"])
def test_examples(name: str) -> None:
    names = runpy.run_path(str(BENCHMARKS / f"{name}.py"))
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    found = [test for value in names.values() if callable(value) for test in finder.find(value, globs=names)]
    for test in found:
        runner.run(test)
    assert runner.tries >= 1
    assert runner.failures == 0
