"""Classifiers in the catalog."""

import shutil
from pathlib import Path
from typing import Any

from backdoor_pipeline.catalog.checked import CheckedDataset
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.files import check_model, load_model, save_model


class ModelDataset(CheckedDataset[Classifier, Classifier]):
    """A classifier in safetensors, with the header that rebuilds it.

    Args:
        filepath: the safetensors file.
        facts: written into its header.
        supersedes: a folder of checkpoints that this file makes needless; removed once it is written.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self,
        *,
        filepath: str,
        facts: dict[str, Any],
        supersedes: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.facts = facts
        self.supersedes = Path(supersedes) if supersedes else None

    def load(self) -> Classifier:
        """Read and rebuild the classifier, on the CPU, in evaluation mode."""
        return load_model(self.require())[0]

    def save(self, data: Classifier) -> None:
        """Write the classifier."""
        save_model(self.path, data, self.facts)
        if self.supersedes:
            shutil.rmtree(self.supersedes, ignore_errors=True)

    def check(self) -> None:
        """See `CheckedDataset.check`."""
        check_model(self.path)
