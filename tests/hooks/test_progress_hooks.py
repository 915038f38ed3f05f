"""What takes a while is told as it begins."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from helpers.figures import picture
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.catalog import FigureDataset, MetricsDataset
from backdoor_pipeline.hooks.progress import ProgressHooks

PREPARE = Node(lambda given: given, "given", "attacker_networks", name="prepare")
NAMES = ("tac", "tsne", "umap")
FIGURES = [
    Node(lambda given: given, "given", f"figures.{name}", name=f"draw_{name}", namespace="figures")
    for name in NAMES
]
TSNE = FIGURES[1]


@pytest.fixture
def hooks(tmp_path) -> ProgressHooks:
    """Those of a run of SSBA whose first figure is there, and whose last one is not asked for."""
    hooks = ProgressHooks()
    experiment = {"preparing": {"name": "ssba-encoder"}}
    hooks.after_context_created(SimpleNamespace(config_loader={"parameters": {"experiment": experiment}}))
    hooks.before_pipeline_run(Pipeline(FIGURES), catalog(tmp_path), {"only_missing_outputs": True})
    return hooks


def catalog(folder: Path) -> DataCatalog:
    """One figure is there, and no score."""
    figures = {
        f"figures.{name}": FigureDataset(filepath=str(folder / name), asked=["tac", "tsne"]) for name in NAMES
    }
    figures["figures.tac"].save(Figure("", picture(), {}, pd.DataFrame()))
    scores = MetricsDataset(filepath=str(folder / "metrics.json"))
    return DataCatalog({**figures, "evaluate_metrics": scores, "given": MemoryDataset()})


def test_the_attackers_training_is_told(hooks, capsys) -> None:
    hooks.before_node_run(PREPARE)
    assert "training ssba-encoder" in capsys.readouterr().out


def test_figures_are_counted_as_they_are_drawn(hooks, capsys) -> None:
    hooks.before_node_run(TSNE)
    assert "drawing 1" in capsys.readouterr().out
    hooks.after_node_run(TSNE)
    hooks.after_pipeline_run()
    hooks.before_node_run(TSNE)
    assert capsys.readouterr().out == "", "of another run"


def test_where_there_is_nothing_to_train_nothing_is_told(hooks, capsys) -> None:
    experiment = {"preparing": {"name": "none"}}
    hooks.after_context_created(SimpleNamespace(config_loader={"parameters": {"experiment": experiment}}))
    hooks.before_node_run(PREPARE)
    assert capsys.readouterr().out == ""


def test_a_process_that_knows_no_run_says_nothing(capsys) -> None:
    ProgressHooks().before_node_run(TSNE)
    ProgressHooks().after_node_run(TSNE)
    assert capsys.readouterr().out == ""


def test_figures_between_stages_are_not_announced(hooks, tmp_path, capsys) -> None:
    last = Node(
        lambda given: given, "evaluate_metrics", "figures.umap", name="draw_umap", namespace="figures"
    )
    later = Node(lambda given: given, "given", "evaluate_metrics", name="watch")  # by name, as Kedro sorts
    pipeline = Pipeline([TSNE, later, last])
    hooks.before_pipeline_run(pipeline, catalog(tmp_path), {"only_missing_outputs": True})
    hooks.before_node_run(TSNE)
    hooks.before_node_run(last)
    assert capsys.readouterr().out == "", "the last one is not asked for"
