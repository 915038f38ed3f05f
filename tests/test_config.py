"""Kedro's configuration: what is wrong with a file is a sentence; relative paths start from the project."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.scratch import PROJECT
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from omegaconf import OmegaConf

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.config import ExperimentConfigLoader
from backdoor_pipeline.settings import CONFIG_LOADER_ARGS

Load = Callable[..., dict]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads configuration of one kind from a copy of conf/ with a file more."""

    def make(kind: str, file: str = "", content: str = "", env: str | None = None) -> dict:
        conf = tmp_path / "conf"
        (conf / "local/parameters").mkdir(parents=True, exist_ok=True)
        (conf / "base").symlink_to(PROJECT / "conf/base")
        if file:
            (conf / "local" / file).write_text(content)
        return ExperimentConfigLoader(conf, env, **CONFIG_LOADER_ARGS)[kind]

    return make


@pytest.mark.parametrize(
    ("kind", "file", "content", "sentence"),
    [
        ("parameters", "parameters.yml", "seed: {", r"local/parameters\.yml is not YAML: line"),
        ("parameters", "parameters/a.yml", "\tseed: 1", r"parameters/a\.yml is not YAML: line 1"),
        ("parameters", "parameters.yml", "seed: 1\nseed: 2", "line 2: 'seed' is there twice"),
        ("parameters", "parameters.yml", "- 1", "must hold `name: value` lines, not a list"),
        ("parameters", "parameters.yml", "hello", "not a single value"),
        ("parameters", "parameters_a.json", "{", r"parameters_a\.json is not YAML"),
        ("parameters", "parameters.yml", "seed: ${nowhere}", "do not fit together, at seed: .*'nowhere'"),
        ("parameters", "parameters.yml", "seed: ${", "do not fit together, at seed"),
        ("parameters", "parameters.yml", "model: ${oc.env:HOME}", "Unsupported interpolation type oc.env"),
        ("parameters", "parameters.yml", "datasets: {../../x: {source: digits}}", "cannot be called"),
        ("parameters", "parameters.yml", "datasets: {x: 1}", "'datasets.x' must be a table"),
        ("parameters", "parameters.yml", "datasets: [x]", r"'datasets' must be a table .*, not \['x'\]"),
        ("parameters", "parameters.yml", "attacks: {badnets: [1]}", "'attacks.badnets' must be a table"),
        ("parameters", "globals.yml", "- 1", r"globals\.yml must hold"),
        ("catalog", "catalog.yml", "- 1", r"catalog\.yml must hold"),
        ("catalog", "catalog.yml", "a: ${artifact:nope}", "do not fit together.*nope"),
        ("mlflow", "mlflow.yml", "a: 1\na: 2", "'a' is there twice"),
    ],
)
def test_a_bad_file_is_one_sentence(load, kind: str, file: str, content: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        load(kind, file, content)


def test_a_name_in_two_files_of_one_folder(load, tmp_path) -> None:
    folder = tmp_path / "conf/local/parameters"
    folder.mkdir(parents=True)
    (folder / "b.yml").write_text("seed: 1")
    with pytest.raises(UserError, match=r"do not fit together: Duplicate keys found in .*seed"):
        load("parameters", "parameters/a.yml", "seed: 1")


def test_files_that_kedro_does_not_read_are_left_alone(load) -> None:
    assert load("parameters", "notes.yml", "{ no YAML")["seed"] == 0


def aged(file: Path, content: str, seconds: float) -> None:
    file.write_text(content)
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_files_are_parsed_once_and_no_experiment_changes_what_the_next_one_reads(
    load, tmp_path, monkeypatch
) -> None:
    load("globals")
    conf, file = tmp_path / "conf", tmp_path / "conf/local/parameters.yml"
    aged(file, "seed: 3", 100)
    parsed: list[object] = []
    create = OmegaConf.load
    monkeypatch.setattr(OmegaConf, "load", lambda text: parsed.append(text) or create(text))

    def seen(**params: object) -> tuple[object, object]:
        found = ExperimentConfigLoader(conf, runtime_params=params, **CONFIG_LOADER_ARGS)["parameters"]
        return found["seed"], found["datasets"]["digits"]["source"]

    assert seen() == (3, "digits")
    count = len(parsed)
    assert seen(seed=5, datasets={"digits": {"source": "other"}}) == (5, "other")
    assert seen() == (3, "digits")
    assert len(parsed) == count
    aged(file, "seed: 4", 50)
    assert seen() == (4, "digits")
    assert len(parsed) == count + 1


def test_where_data_are_is_what_the_last_environment_says(load, tmp_path) -> None:
    load("globals")
    loader = ExperimentConfigLoader(tmp_path / "conf", **CONFIG_LOADER_ARGS)
    assert loader._entry("clean")["filepath"] == "data/01_raw"
    assert loader._entry("nothing") is None
    more = '_raw: elsewhere\nclean: {type: MemoryDataset, filepath: "${_raw}/raw"}'
    (tmp_path / "conf/local/catalog.yml").write_text(more)
    assert loader._entry("clean")["filepath"] == "elsewhere/raw"


def test_an_unknown_environment(load) -> None:
    with pytest.raises(
        UserError, match=r"unknown environment 'lokal': did you mean 'local'\? Known: base, local"
    ):
        load("parameters", env="lokal")


def test_a_folder_without_configuration(tmp_path) -> None:
    with pytest.raises(UserError, match="holds no configuration: it needs a folder 'base'"):
        ExperimentConfigLoader(tmp_path, **CONFIG_LOADER_ARGS)


def test_what_is_no_archive(tmp_path) -> None:
    (tmp_path / "conf.zip").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"no configuration can be read from .*conf\.zip"):
        ExperimentConfigLoader(tmp_path / "conf.zip", **CONFIG_LOADER_ARGS)


def test_every_path_of_the_catalog_starts_from_the_project(tmp_path, monkeypatch) -> None:
    """Also where a notebook's folder is the working directory."""
    monkeypatch.chdir(tmp_path)
    configure_project("backdoor_pipeline")
    with KedroSession.create(project_path=PROJECT) as session:
        catalog = session.load_context().catalog
    for name in catalog:
        dataset = catalog.get(name)
        for path in getattr(dataset, "files", []):
            assert path.is_relative_to(PROJECT), name
    for name in ("prepare_folders", "train_folders"):
        folders = catalog.load(name)
        assert folders.checkpoints.is_relative_to(PROJECT / "data")
        assert folders.notes.is_relative_to(PROJECT / "data")
    entries = list(session.load_context().config_loader["catalog"].values())
    paths = [
        value
        for entry in entries
        for key, value in entry.items()
        if isinstance(value, str) and value.startswith(("data/", str(PROJECT))) and key != "filepath"
    ]
    assert paths
    assert all(Path(path).is_absolute() for path in paths)
