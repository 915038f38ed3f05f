"""What takes a while is told as it begins."""

from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.hooks.progress import ProgressHooks

PREPARE = Node(lambda given: given, "given", "attacker_networks", name="prepare")
FIGURES = [
    Node(lambda given: given, "given", f"figure_{name}", name=f"draw_{name}") for name in ("tac", "tsne")
]


@pytest.fixture
def hooks() -> ProgressHooks:
    """Those of a run of SSBA of which one figure is there."""
    hooks = ProgressHooks()
    experiment = {"preparing": {"name": "ssba-encoder"}}
    hooks.after_context_created(SimpleNamespace(config_loader={"parameters": {"experiment": experiment}}))
    catalog = DataCatalog({"figure_tac": MemoryDataset(1), "figure_tsne": MemoryDataset()})
    hooks.before_pipeline_run(Pipeline([PREPARE, *FIGURES]), catalog, {"only_missing_outputs": True})
    return hooks


def test_the_attackers_training_is_told(hooks, capsys) -> None:
    hooks.before_node_run(PREPARE)
    assert "training ssba-encoder" in capsys.readouterr().out


def test_figures_are_counted_as_they_are_drawn(hooks, capsys) -> None:
    hooks.before_node_run(FIGURES[1])
    assert "drawing 1" in capsys.readouterr().out
    hooks.after_node_run(FIGURES[1])
    hooks.after_pipeline_run()
    hooks.before_node_run(FIGURES[1])
    assert capsys.readouterr().out == "", "of another run"


def test_where_there_is_nothing_to_train_nothing_is_told(hooks, capsys) -> None:
    experiment = {"preparing": {"name": "none"}}
    hooks.after_context_created(SimpleNamespace(config_loader={"parameters": {"experiment": experiment}}))
    hooks.before_node_run(PREPARE)
    assert capsys.readouterr().out == ""


def test_a_process_that_knows_no_run_says_nothing(capsys) -> None:
    ProgressHooks().before_node_run(FIGURES[0])
    ProgressHooks().after_node_run(FIGURES[0])
    assert capsys.readouterr().out == ""
