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


def test_the_leaderboard_of_the_docs_shows_their_results() -> None:
    names = runpy.run_path(str(BENCHMARKS / "results_page.py"))
    assert names["PAGE"].read_text(encoding="utf-8") == names["page"](), "python benchmarks/results_page.py"
    settings = names["summary"]()
    row = settings.query("dataset == 'cifar10_jpeg' and attack == 'badnets' and defense == 'abl'").iloc[0]
    assert (row["c_acc_mean"], row["asr_std"]) == (68.6, 0.5)
    assert row["protocol"] == "10,000 images, 8 epochs"
