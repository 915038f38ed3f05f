"""Figures that nobody asks for are neither shown, nor missed, nor called reused."""

from pathlib import Path

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.catalog import FigureDataset
from backdoor_pipeline.hooks.absent import absent
from backdoor_pipeline.hooks.asked import nodes_not_asked_for
from backdoor_pipeline.hooks.figures import asked_figures

NAMES = ("umap", "tsne", "tac")
PIPELINE = Pipeline(
    [
        Node(lambda given: given, "given", f"figures.{name}", name=f"draw_{name}", namespace="figures")
        for name in NAMES
    ]
    + [Node(lambda given: given, "given", "scores", name="evaluate")]
)


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    """Of an experiment that asks for two of them."""
    figures = {name: FigureDataset(filepath=str(tmp_path / name), asked=["tac", "tsne"]) for name in NAMES}
    return DataCatalog({f"figures.{name}": one for name, one in figures.items()})


def test_those_asked_for_are_named(catalog) -> None:
    assert asked_figures(PIPELINE, catalog) == ["figures.tac", "figures.tsne"]
    assert nodes_not_asked_for(PIPELINE, catalog) == {"figures.draw_umap"}


def test_what_is_not_asked_for_is_not_absent(catalog) -> None:
    assert len(absent(catalog, "figures.tac")) == 3
    assert absent(catalog, "figures.umap") == []
