"""The figures of a run that are asked for."""

from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from backdoor_pipeline.hooks.asked import is_asked

MARK = "figures."  # begins the names of an experiment's figures in the catalog


def asked_figures(pipeline: Pipeline, catalog: DataCatalog) -> list[str]:
    """Their names in the catalog, sorted; all others are neither drawn nor shown."""
    figures = sorted(name for name in pipeline.outputs() if name.startswith(MARK))
    return [name for name in figures if is_asked(catalog, name)]
