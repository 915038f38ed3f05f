"""What a model sees in images: the input of its last layer."""

import torch
from torch import Tensor

from backdoor_pipeline.data.images import Images
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.hosting import hosted

BATCH = 512  # images at a time


def penultimate(trainer: Trainer, model: Classifier, images: Images) -> Tensor:
    """The features before the head, in evaluation mode: float32, (N, D), on the CPU.

    Args:
        trainer: the engine.
        model: left where and as it was.
        images: uint8, (N, C, H, W); streamed ones are read batch by batch.
    """
    features = [torch.empty(0, model.head.in_features)]  # of no images, none
    with hosted(model, trainer.device, training=False), torch.inference_mode(), trainer.autocast():
        for start in range(0, len(images), BATCH):
            batch = images[start : start + BATCH].to(trainer.device)
            features.append(model.features(trainer.as_float(batch)).float().cpu())
    return torch.cat(features)
