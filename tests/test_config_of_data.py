"""The experiment in Kedro's configuration: what was asked for by whom, on which data."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.source_files import encode, flat, write
from kedro.framework.project import configure_project, settings

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.config import ExperimentConfigLoader

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without data."""
    configure_project("backdoor_pipeline")
    shutil.copytree(PROJECT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf/local").mkdir()
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def loader(project: Path, env: str | None = None, **params: Any) -> ExperimentConfigLoader:
    return ExperimentConfigLoader(
        conf_source=str(project / "conf"), env=env, runtime_params=params, **settings.CONFIG_LOADER_ARGS
    )


def experiment(project: Path, env: str | None = None, **params: Any) -> dict[str, Any]:
    return loader(project, env, **params)["parameters"]["experiment"]


def ratio(project: Path, env: str | None = None, **params: Any) -> float:
    return experiment(project, env, attack="sig", **params)["choices"]["poison_ratio"]


def test_only_the_ratio_of_conf_base_may_be_lowered(project: Path) -> None:
    assert ratio(project) == 0.09948
    assert ratio(project, "smoke") == 0.09948
    assert ratio(project, poison_ratio=0.1) == 0.1
    write(project / "conf/local/parameters.yml", "poison_ratio: 0.1\n")
    assert ratio(project) == ratio(project, "smoke") == 0.1
    write(project / "conf/smoke/parameters_ratio.yml", "poison_ratio: 0.05\n")
    assert ratio(project, "smoke") == 0.05
    write(project / "conf/base/parameters/experiment.yml", _with_ratio(project, 0.2))
    assert ratio(project, "base") == 0.09948


def test_every_environment_lies_over_what_local_defines(project: Path) -> None:
    birds(project)
    write(project / "conf/local/mlflow.yml", "experiment: mine\n")
    there = loader(project, "smoke", dataset="birds")
    assert there.environments == ("base", "local", "smoke")
    assert there["parameters"]["experiment"]["dataset"]["num_classes"] == 2
    assert there["parameters"]["epochs"] == 3
    assert there["mlflow"]["experiment"] == "mine"
    write(project / "conf/local/parameters_epochs.yml", "epochs: 5\n")
    assert loader(project)["parameters"]["epochs"] == 5
    assert loader(project, "smoke")["parameters"]["epochs"] == 3
    assert loader(project, "smoke", epochs=7)["parameters"]["epochs"] == 7
    assert "birds" not in loader(project, "base")["parameters"]["datasets"]


def test_a_fault_in_local_is_told_in_every_environment(project: Path) -> None:
    write(project / "conf/local/parameters.yml", "- 1\n")
    with pytest.raises(UserError, match=r"local/parameters\.yml must hold"):
        loader(project, "smoke")["parameters"]


def test_other_environments_do_without_local(project: Path) -> None:
    (project / "conf/local").rmdir()
    assert loader(project, "smoke")["parameters"]["epochs"] == 3


def _with_ratio(project: Path, value: float) -> str:
    text = (project / "conf/base/parameters/experiment.yml").read_text()
    return text.replace("poison_ratio: 0.1 ", f"poison_ratio: {value} ")


def birds(project: Path) -> None:
    """A folder of pictures, known as `birds`."""
    base = yaml.safe_load((project / "conf/base/parameters/datasets.yml").read_text())["datasets"]["digits"]
    block = base | {"source": "folder", "options": {"train": "a", "test": "b"}, "num_classes": 2}
    write(project / "conf/local/parameters.yml", yaml.safe_dump({"datasets": {"birds": block}}))
    for split in "ab":
        for name in ("crow", "dove"):
            write(project / f"data/01_raw/birds/{split}/{name}/0.png", encode(flat((1, 2, 3))))


def artifact(project: Path) -> str:
    return loader(project, dataset="birds")["catalog"]["backdoored_model"]["filepath"]


def test_the_catalog_places_files_by_the_data(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")  # what counts is where the configuration is
    birds(project)
    before = artifact(project)
    assert artifact(project) == before
    write(project / "data/01_raw/birds/a/crow/0.png", encode(flat((1, 2, 4))))
    assert artifact(project) != before


def test_a_hook_may_say_where_the_project_is(project: Path, tmp_path: Path) -> None:
    birds(project)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / "data").rename(elsewhere / "data")
    here = loader(project, dataset="birds")
    assert here["parameters"]["experiment"]["manifest"] == ""
    there = loader(project, dataset="birds")
    there.project = elsewhere
    assert there["parameters"]["experiment"]["manifest"].startswith("sha256:")


def test_without_the_data_all_names_resolve(project: Path) -> None:
    there = loader(project, dataset="cifar10")
    assert there["catalog"]["clean"]["spec"]["name"] == "cifar10"
    assert there["parameters"]["experiment"]["manifest"] == ""
    assert there.manifest is None


@pytest.mark.parametrize("entry", ["1", "[raw]", "{filepath: 1}", "{filepath: [raw]}"])
def test_an_entry_that_is_none_is_left_for_kedro_to_refuse(project: Path, entry: str) -> None:
    write(project / "conf/local/catalog.yml", f"clean: {entry}\n")
    assert loader(project)["catalog"]["clean"] == yaml.safe_load(entry)
    assert experiment(project)["manifest"] == ""
