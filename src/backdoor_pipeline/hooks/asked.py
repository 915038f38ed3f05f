"""Which datasets of a run are asked for; the others are neither made, nor shown, nor missed."""

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline


def is_asked(catalog: DataCatalog, name: str) -> bool:
    """Whether a dataset is asked for: all are but figures and controls, which say so themselves."""
    return bool(getattr(catalog.get(name), "asked", True))


def nodes_not_asked_for(pipeline: Pipeline, catalog: DataCatalog) -> set[str]:
    """The names of the nodes that would make only what is not asked for."""
    return {node.name for node in pipeline.nodes if not any(is_asked(catalog, one) for one in node.outputs)}
