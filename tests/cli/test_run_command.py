"""`kedro run`: what is seen to before anything runs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from backdoor_pipeline.cli import cli
from backdoor_pipeline.cli.run_command import run

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written: every command here ends before that."""
    monkeypatch.chdir(PROJECT)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pipeline", ""], "unknown pipeline ''"),
        (["--pipelines", ","], "--pipelines is empty"),
        (["--pipelines", "report,train"], "a report is run by itself"),
        (["--nodes", ""], "--nodes is empty"),
        (["--nodes", "[a"], "--nodes is empty"),
        (["--env", ""], "--env is empty"),
        (["--nodes", "trian"], "unknown node 'trian': did you mean 'train'?"),
        (["--from-nodes", "nope"], "unknown node 'nope'"),
        (["--to-nodes", "nope"], "unknown node 'nope'"),
        (["--pipeline", "poison", "--to-nodes", "train"], "unknown node 'train'"),
        (["--from-inputs", "nope"], "unknown dataset 'nope'"),
        (["--to-outputs", "nope"], "unknown dataset 'nope'"),
        (["--tags", "nope"], "unknown tag 'nope': Known: analyze, defend"),
        (["--namespaces", "nope"], "unknown namespace 'nope': Known: figures"),
        (["--nodes", "train", "--tags", "defend"], "no node is left to run"),
        (["--from-nodes", "defend", "--to-nodes", "poison"], "no node is left to run"),
        (["--runner", "Nope"], "unknown runner 'Nope': Known: ParallelRunner"),
        (["--runner", "os.path.join"], "'os.path.join' is no runner"),
        (["--runner", "kedro.runner.AbstractRunner"], "is no runner"),
        (["--runner", "no.such.Runner"], "'no.such.Runner' cannot be loaded"),
        (["--runner", ".x"], "cannot be loaded"),
        (["--runner-params", "nope=1"], "SequentialRunner got an unexpected keyword argument 'nope'"),
        (["--runner", "ThreadRunner", "--runner-params", "max_workers=many"], "max_workers is 'many'"),
        (["--runner", "ThreadRunner", "--runner-params", "max_workers=0"], "max_workers is 0"),
        (["--runner-params", "is_async=maybe"], "is_async is 'maybe'"),
        (["--runner-params", "a=${"], "unexpected keyword argument 'a'"),
        (["--params", "attack"], "--params: 'attack' is not of the form key:value"),
    ],
)
def test_options_that_mean_nothing_are_told(words: list[str], sentence: str) -> None:
    done = CliRunner().invoke(run, words)
    assert done.exit_code == 1, done.output
    assert sentence in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_an_option_that_would_do_nothing_is_not_there() -> None:
    done = CliRunner().invoke(cli, ["run", "--load-versions", "clean:2020-01-01T00.00.00.000Z"])
    assert done.exit_code == 2
    assert "No such option" in done.output
