"""A run is refused before anything is written; what was made of other data is not saved."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from helpers.source_files import encode, flat, write
from kedro.framework.project import configure_project, settings
from kedro.io import DataCatalog

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.catalog import CleanDataset
from backdoor_pipeline.config import ExperimentConfigLoader
from backdoor_pipeline.hooks.data import DataHooks

PROJECT = Path(__file__).parents[2]
PIPELINE = SimpleNamespace(inputs=lambda: {"clean"})
TRAIN = SimpleNamespace(name="train", inputs=["clean", "poison"])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a set of ten pictures of two classes."""
    configure_project("backdoor_pipeline")
    shutil.copytree(PROJECT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (tmp_path / "conf/local").mkdir()
    base = yaml.safe_load((tmp_path / "conf/base/parameters/datasets.yml").read_text())["datasets"]["digits"]
    block = base | {"source": "folder", "options": {"train": "a", "test": "b"}, "num_classes": 2}
    write(tmp_path / "conf/local/parameters.yml", yaml.safe_dump({"datasets": {"birds": block}}))
    for name, count in (("crow", 2), ("dove", 8)):
        for n in range(count):
            write(tmp_path / f"data/01_raw/birds/a/{name}/{n}.png", encode(flat((1, 2, n))))
        write(tmp_path / f"data/01_raw/birds/b/{name}/0.png", encode(flat((1, 2, 3))))
    return tmp_path


def started(project: Path, **params: object) -> DataHooks:
    """The hooks of a run that has begun."""
    config = ExperimentConfigLoader(
        conf_source=str(project / "conf"),
        runtime_params={"dataset": "birds", "clean_ratio": 0.3, **params},
        **settings.CONFIG_LOADER_ARGS,
    )
    hooks = DataHooks()
    hooks.after_context_created(SimpleNamespace(config_loader=config, project_path=project))
    spec = config["parameters"]["experiment"]["dataset"]
    clean = CleanDataset(spec=spec, filepath=str(project / "data/01_raw"))
    hooks.before_pipeline_run(PIPELINE, DataCatalog({"clean": clean}))
    return hooks


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"attack": "sig", "poison_ratio": 0.3}, "the largest feasible ratio is 0.2"),
        ({"clean_ratio": 0.01}, "clean_ratio 0.01 of 10 samples is none"),
        ({"datasets": {"birds": {"num_classes": 3}}}, "has 2 classes, not 3: set `num_classes: 2`"),
        ({"dataset": "cifar10"}, "kedro data fetch cifar10"),
    ],
)
def test_what_cannot_be_leaves_nothing_behind(project: Path, params, sentence) -> None:
    before = sorted(project.rglob("*"))
    with pytest.raises(UserError, match=sentence):
        started(project, **params)
    assert sorted(project.rglob("*")) == before


def test_a_run_that_may_begin_remembers_what_was_read(project: Path) -> None:
    started(project)
    assert [file.name for file in (project / "data/01_raw/.manifests").iterdir()] == ["birds.json"]


def test_what_was_made_of_other_data_is_not_saved(project: Path) -> None:
    hooks = started(project)
    hooks.after_node_run(TRAIN)
    write(project / "data/01_raw/birds/b/dove/0.png", encode(flat((9, 9, 9))))
    with pytest.raises(UserError, match="data set 'birds' was changed during the run: run again"):
        hooks.after_node_run(TRAIN)
    hooks.after_node_run(SimpleNamespace(name="draw_samples", inputs=["clean"]))


def test_a_lowered_ratio_is_logged(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(project / "conf/base/parameters/experiment.yml", _at_half(project))
    with caplog.at_level("INFO", "backdoor_pipeline"):
        started(project, attack="sig")
    assert "poison_ratio is 20% instead of 50%: sig poisons only class 0, all of it." in caplog.text


def _at_half(project: Path) -> str:
    text = (project / "conf/base/parameters/experiment.yml").read_text()
    return text.replace("poison_ratio: 0.1 ", "poison_ratio: 0.5 ")
