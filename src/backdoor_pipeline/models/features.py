"""What a model sees in images or texts: the input of its last layer."""

import torch
from torch import Tensor

from backdoor_pipeline.data.samples import Inputs
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer


def penultimate(trainer: Trainer, model: Classifier, inputs: Inputs) -> Tensor:
    """The features before the head, in evaluation mode: float32, (N, D), on the CPU.

    Args:
        trainer: the engine.
        model: left where and as it was.
        inputs: uint8 images (N, C, H, W), or texts; streamed images are read batch by batch.
    """
    if not len(inputs):
        return torch.empty(0, model.head.in_features)
    return trainer.outputs(model, model.features, inputs)
