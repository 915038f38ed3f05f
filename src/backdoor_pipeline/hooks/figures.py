"""The figures of a run that are asked for."""

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

MARK = "figures."  # begins the names of an experiment's figures in the catalog


def asked_figures(pipeline: Pipeline, catalog: DataCatalog) -> list[str]:
    """Their names in the catalog, sorted; all others are neither drawn nor shown."""
    return [name for name in _figures(pipeline) if getattr(catalog.get(name), "asked", True)]


def nodes_not_asked_for(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    """The names of the nodes that would draw the others."""
    others = {*_figures(pipeline)} - {*asked_figures(pipeline, catalog)}
    return {node.name for node in pipeline.nodes if others & {*node.outputs}}


def _figures(pipeline: Pipeline) -> list[str]:
    return sorted(name for name in pipeline.outputs() if name.startswith(MARK))
