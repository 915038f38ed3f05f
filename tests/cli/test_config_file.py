"""`kedro run --config`: what such a file may hold, and what comes of it."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from backdoor_pipeline.cli import run_command
from backdoor_pipeline.cli.run_command import run


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Kedro's own command is called with."""
    found: dict[str, Any] = {}
    stock = click.Command("run", callback=lambda **options: found.update(options))
    monkeypatch.setattr(run_command, "stock_run", stock)
    return found


def invoke(folder: Path, content: bytes, *words: str) -> Any:
    (folder / "run.yml").write_bytes(content)
    return CliRunner().invoke(run, ["--config", str(folder / "run.yml"), *words])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "gives no options"),
        (b"- 1", "gives no options"),
        (b"go: {env: smoke}", "gives no options"),
        (b"run: [env]", "gives no options"),
        (b"run: {", "is not YAML"),
        (b"\xff\xfe\x00\x01", "is not a text file"),
        (b"run: {env: smoke, env: base}", "'env' is there twice"),
        (b"run: {pipelin: train}", "unknown option 'pipelin': did you mean 'pipeline'"),
        (b"run: {load_versions: x}", "unknown option 'load_versions'"),
        (b"run: {config: x}", "unknown option 'config'"),
        (b"run: {env: {a: 1}}", "env is {'a': 1}, but must be a text"),
        (b"run: {tags: [a]}", "tags is ['a'], but must be a text"),
        (b"run: {force: perhaps}", "force is 'perhaps', but must be true or false"),
        (b"run: {params: [1]}", "params is [1], but must be a text or a table"),
        (b"run: {params: nonsense}", "'nonsense' is not of the form key:value"),
        (b"run: {pipeline: defence}", "unknown pipeline 'defence'"),
        (b"run: {runner: Nope}", "unknown runner 'Nope'"),
        (b'run: {nodes: ""}', "unknown option 'nodes': did you mean"),
        (b'run: {node_names: ""}', "--nodes is empty"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, given, content: bytes, sentence: str) -> None:
    done = invoke(tmp_path, content)
    assert done.exit_code == 1, done.output
    assert sentence in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert given == {}


def test_its_options_are_those_of_the_command_line(tmp_path, given) -> None:
    content = b"run: {pipeline: train, env: smoke, force: true, params: {seed: 3}, tags: 'train,poison'}"
    assert invoke(tmp_path, content, "--env", "base").exit_code == 0
    assert given["pipelines"] == ["train"]
    assert given["params"] == {"seed": 3}
    assert given["tags"] == ["train", "poison"]
    assert given["env"] == "base", "the command line goes before the file"
    assert given["only_missing_outputs"] is False


def test_parameters_may_be_a_text(tmp_path, given) -> None:
    assert invoke(tmp_path, b"run: {params: 'seed:3,training.lr:0.1'}").exit_code == 0
    assert given["params"] == {"seed": 3, "training": {"lr": 0.1}}
