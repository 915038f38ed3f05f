"""Classifiers in the catalog."""

from backdoor_pipeline.catalog.sealed import SealedFactsDataset
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.files import check_model, load_model, save_model


class ModelDataset(SealedFactsDataset[Classifier, Classifier]):
    """A classifier in safetensors, with the header that rebuilds it."""

    def read(self) -> Classifier:
        """Rebuild the classifier, on the CPU, in evaluation mode."""
        return load_model(self.path, self.seal)[0]

    def save(self, data: Classifier) -> None:
        """Write the classifier."""
        save_model(self.path, data, self.facts, self.seal)

    def check(self) -> None:
        """See `SealedDataset.check`."""
        check_model(self.path, self.seal)
