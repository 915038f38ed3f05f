"""Which nodes a run carries out, and in which process."""

import os
from pathlib import Path

from kedro.io import DataCatalog, SharedMemoryDataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

Mark = tuple[Path, int, int] | None  # a file as it is; another in its place has another


class RunNodes:
    """The nodes of one run.

    Kedro's ParallelRunner has nodes carried out by other processes, of which nothing comes back; these are
    known by the files that have changed.

    Args:
        pipeline: what is run.
        catalog: of the run.
    """

    def __init__(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._process = os.getpid()
        self._nodes, self._catalog = pipeline.nodes, catalog
        self._ran: set[str] = set()
        elsewhere = isinstance(catalog, SharedMemoryDataCatalog)
        self._before = {node.name: self._marks(node) for node in pipeline.nodes} if elsewhere else {}

    @property
    def here(self) -> bool:
        """Whether this is the process that runs the pipeline."""
        return os.getpid() == self._process

    def add(self, name: str) -> None:
        """Remember a node that was carried out here."""
        self._ran.add(name)

    def ran(self) -> set[str]:
        """The names of those that were carried out so far."""
        changed = {
            node.name
            for node in self._nodes
            if node.name in self._before and self._marks(node) != self._before[node.name]
        }
        return self._ran | changed

    def _marks(self, node: Node) -> list[Mark]:
        datasets = [self._catalog.get(name) for name in node.outputs]
        return [_mark(file) for dataset in datasets for file in getattr(dataset, "files", [])]


def _mark(file: Path) -> Mark:
    try:
        found = file.stat()
    except OSError:
        return None
    return file, found.st_ino, found.st_mtime_ns
