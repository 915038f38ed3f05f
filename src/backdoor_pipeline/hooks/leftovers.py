"""What a run needs for a while only: checkpoints, until their stage is complete; temporary files."""

from collections import defaultdict

from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from backdoor_pipeline.base.files import discard_folder
from backdoor_pipeline.base.leftovers import clear_leftovers
from backdoor_pipeline.catalog import FoldersDataset


class LeftoverHooks:
    """Removes checkpoints when all that the training was for is written, and what killed runs left."""

    _catalog: DataCatalog | None = None  # none in the processes that ParallelRunner starts afresh

    @hook_impl
    def before_pipeline_run(self, catalog: DataCatalog) -> None:
        """Remember the catalog: the folders are in it."""
        self._catalog = catalog
        self._saved: dict[str, set[str]] = defaultdict(set)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Remove a stage's checkpoints after the last of its outputs, whichever that is."""
        if self._catalog is not None:
            self._saved[node.name].add(dataset_name)
            if self._saved[node.name] >= set(node.outputs):
                self._discard_checkpoints(node)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline) -> None:
        """Remove what runs left that were killed just before they would have done so."""
        assert self._catalog is not None
        for node in pipeline.nodes:
            self._discard_checkpoints(node)
        datasets = [self._catalog.get(name) for name in pipeline.all_outputs()]
        for folder in {file.parent for dataset in datasets for file in getattr(dataset, "files", [])}:
            clear_leftovers(folder)

    def _discard_checkpoints(self, node: Node) -> None:
        assert self._catalog is not None
        for dataset in map(self._catalog.get, node.inputs):
            if isinstance(dataset, FoldersDataset):
                discard_folder(dataset.folders.checkpoints)
