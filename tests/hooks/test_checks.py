"""What is told before a run writes anything: each of these would otherwise show after a training."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.results import row
from helpers.scratch import make_project
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from kedro.io import DataCatalog, DatasetError
from safetensors.torch import save_file

from backdoor_pipeline.base.errors import UserError, user_error
from backdoor_pipeline.catalog import results
from backdoor_pipeline.experiment.records import read_results, write_record
from backdoor_pipeline.experiment.specs import Reporting
from backdoor_pipeline.hooks.checks import _check_report

Run = Callable[..., None]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout, so to say."""
    configure_project("backdoor_pipeline")
    return make_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def refused(project: Path) -> Run:
    """Runs a pipeline that must end with a sentence, and leave nothing."""

    def run(sentence: str, parameters: dict[str, Any], **options: Any) -> None:
        before = sorted(project.rglob("*"))
        session = KedroSession.create(project_path=project, runtime_params=parameters)
        with pytest.raises((UserError, DatasetError)) as told:
            session.run(only_missing_outputs=True, **options)
        assert re.search(sentence, str(user_error(told.value)))
        assert sorted(project.rglob("*")) == before

    return run


def test_a_gpu_that_is_not_there(refused, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused("engine.device is 'cuda', but usable GPUs here: 0", {"engine": {"device": "cuda"}})


def test_a_compiler_that_is_not_there(refused, monkeypatch) -> None:
    monkeypatch.setattr("backdoor_pipeline.training.hardware._has_compiler", lambda: False)
    refused("needs a C\\+\\+ compiler", {"engine": {"compile": True, "device": "cpu"}})


def test_a_report_of_nothing(refused) -> None:
    refused("there are no results to report", {}, pipeline_names=["report"])


def test_stages_that_were_not_run(refused) -> None:
    refused(
        "evaluate needs .*model.safetensors, which is not there: run the stages before",
        {},
        node_names=["evaluate"],
    )


def test_weights_that_do_not_fit(refused, tmp_path) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "w.safetensors")
    options = {"resnet8": {"pretrained": str(tmp_path / "w.safetensors")}}
    refused(r"models\.resnet8\.pretrained: .* does not fit", {"models": options})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("tracking_uri: 3", "mlflow.tracking_uri is 3"), ("uri: x", "unknown parameter 'mlflow.uri'")],
)
def test_where_runs_cannot_be_tracked(refused, project, content: str, sentence: str) -> None:
    file = project / "conf/local/mlflow.yml"
    file.write_text(content)
    try:
        refused(sentence, {})
    finally:
        file.unlink()


@pytest.fixture
def evaluated(project: Path) -> Path:
    """A project with one result."""
    folder = project / "data/08_reporting/digits/ft-resnet8-badnets-0.1-s0-12345678"
    folder.mkdir(parents=True, exist_ok=True)
    record = row(**{"artifact.evaluate": f"digits/{folder.name}"})
    write_record(folder, record)
    return project


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ({"where": {"dataset": "cifar10"}}, "no result has dataset=cifar10: there are digits"),
        (
            {"where": {"datset": "cifar10"}},
            "unknown parameter of the results 'datset': did you mean 'dataset'",
        ),
        ({"sensitivity": "attacks.x.y"}, r"unknown parameter of the results 'attacks\.x\.y'"),
        ({"sensitivity": "model"}, r"report\.sensitivity: model .* is no hyper-parameter"),
        ({"published": "absent.csv"}, "there is no file absent.csv"),
    ],
)
def test_a_report_of_what_is_not_there(refused, evaluated, report, sentence: str) -> None:
    refused(sentence, {"report": report}, pipeline_names=["report"])


def test_a_report_reads_its_results_once(evaluated, params, monkeypatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(results, "read_results", lambda table: read.append(table) or read_results(table))
    stored = results.ResultsDataset(filepath=str(evaluated / "data/08_reporting/results.parquet"))
    catalog = DataCatalog({"results": stored})
    _check_report(catalog, Reporting(**{**params["report"], "where": {}}))
    assert len(catalog.load("results")) == 1
    assert len(read) == 1
