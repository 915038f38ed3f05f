"""Classifiers in the catalog."""

from typing import Any

from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.files import check_model, load_model, save_model


class ModelDataset(SealedDataset[Classifier, Classifier]):
    """A classifier in safetensors, with the header that rebuilds it.

    Args:
        filepath: the safetensors file.
        facts: written into its header.
        metadata: for Kedro-Viz.
    """

    def __init__(
        self, *, filepath: str, facts: dict[str, Any], metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self.facts = facts

    def read(self) -> Classifier:
        """Rebuild the classifier, on the CPU, in evaluation mode."""
        return load_model(self.path, self.seal)[0]

    def save(self, data: Classifier) -> None:
        """Write the classifier."""
        save_model(self.path, data, self.facts, self.seal)

    def check(self) -> None:
        """See `SealedDataset.check`."""
        check_model(self.path, self.seal)
