"""A project without Kedro: the real layout over a temporary folder, and cells on the embedded data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import configure_project

from backdoor_pipeline.base.jsonfile import save_json
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.experiment.failures import Failure
from backdoor_pipeline.sweep.layout import Layout, config_loader
from backdoor_pipeline.sweep.plan import Plan, make_plan

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def project_conf() -> Path:
    """This project's configuration."""
    return PROJECT / "conf"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The catalog's layout, in an empty folder."""
    configure_project("backdoor_pipeline")
    return Layout(Layout.of(config_loader(PROJECT, None), PROJECT).catalog, tmp_path)


@pytest.fixture
def plan(params: dict[str, Any], layout: Layout) -> Callable[..., Plan]:
    """Plans a grid."""

    def make(
        grid: list[dict[str, Any]],
        failures: dict[str, Failure] | None = None,
        final: str = "evaluate",
        **more: Any,
    ) -> Plan:
        return make_plan(params, grid, layout, final, failures or {}, **more)

    return make


@pytest.fixture
def build(layout: Layout) -> Callable[..., None]:
    """Puts files where a stage's artefact would be: metrics, and empty ones."""

    def make(stage: str, names: dict[str, str], **metrics: float) -> None:
        for file in layout.files(stage, names):
            save_json(file, metrics, Seal.at(file))

    return make
