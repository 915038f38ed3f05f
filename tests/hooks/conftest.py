"""MLflow stores whose tables are there already: making them takes most of a run's time."""

import shutil
from pathlib import Path

import pytest
from helpers.mlflow_stores import store_in

from backdoor_pipeline.hooks.mlflow_store import Store, connect


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without any experiment."""
    store = store_in(tmp_path_factory.mktemp("tables"))
    connect(store.uri).search_experiments(max_results=1)
    return store.artifacts.parent / "mlflow.db"


@pytest.fixture
def store(tables: Path, tmp_path: Path) -> Store:
    """A store of the test's own."""
    shutil.copy(tables, tmp_path / "mlflow.db")
    return store_in(tmp_path)
