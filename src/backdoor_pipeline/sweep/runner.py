"""A Kedro runner under which no artefact is built twice, however many runs want it."""

import logging
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro.runner import SequentialRunner

from backdoor_pipeline.base.locks import locked

logger = logging.getLogger(__name__)


class LockedRunner(SequentialRunner):
    """Runs each node under the lock of its artefact's folder, unless its outputs are there by then."""

    def __init__(self) -> None:
        super().__init__()
        self.built: list[str] = []

    @property
    def _logger(self) -> logging.Logger:
        return logging.getLogger(SequentialRunner.__module__)  # Kedro's remarks are logged as Kedro's

    def _run(
        self,
        pipeline: Pipeline,
        catalog: CatalogProtocol,
        hook_manager: Any = None,
        run_id: str | None = None,
    ) -> None:
        for node in pipeline.nodes:
            folder = _folder(node, catalog)
            with locked(folder):
                if all(catalog.exists(name) for name in node.outputs):
                    logger.info("%s was built by another run: %s", node.name, folder)
                    continue
                super()._run(Pipeline([node]), catalog, hook_manager, run_id)
                self.built.append(node.name)
                logger.info("built %s: %s", node.name, folder)


def _folder(node: Node, catalog: CatalogProtocol) -> Path:
    """Where a node's outputs are; the folder of one artefact holds all of them."""
    dataset = catalog.get(node.outputs[0])
    assert dataset is not None, "our outputs are all in the catalog"
    return Path(dataset._describe()["filepath"]).parent
