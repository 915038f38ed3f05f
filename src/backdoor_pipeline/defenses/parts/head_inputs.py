"""The inputs of a network's head, which fine-pruning prunes: in most, the last channels, pooled."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from backdoor_pipeline.data.samples import Inputs
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import Trainer


class HeadInputs:
    """A channel whose column of the head is zero is as good as gone.

    Attributes:
        layer: the head, (D) to (K).
        weight: the name of its weights in the model.
    """

    weight = "head.weight"

    def __init__(self, trainer: Trainer, model: Classifier) -> None:
        self._trainer, self._model = trainer, model
        self.layer = model.head

    def activity(self, inputs: Inputs) -> Tensor:
        """How active each is on average: float32, (D,).

        By magnitude: after a ReLU that is the mean itself, and where features have a sign, as after a
        LayerNorm, a dormant one is near zero, not the most negative.
        """
        return penultimate(self._trainer, self._model, inputs).abs().mean(0)

    def accuracies_while_pruning(self, inputs: Inputs, labels: Tensor, order: Tensor) -> list[float]:
        """See the function, of what the model makes of these inputs."""
        return accuracies_while_pruning(
            self.layer, penultimate(self._trainer, self._model, inputs), labels, order
        )


def accuracies_while_pruning(head: nn.Linear, features: Tensor, labels: Tensor, order: Tensor) -> list[float]:
    """The accuracy with the first 0, 1, ..., D - 1 channels of `order` pruned, from one set of features.

    Args:
        head: features to logits.
        features: float32, (N, D), on the CPU.
        labels: int64, (N,).
        order: a permutation of the D channels.
    """
    head, features = deepcopy(head).cpu().double(), features.double()  # as D differences add up
    accuracies = []
    with torch.no_grad():
        logits = head(features)
        for channel in order.tolist():
            accuracies.append((logits.argmax(1) == labels).double().mean().item())
            logits -= features[:, channel, None] * head.weight[:, channel]
    return accuracies
