"""A pass of one blank image, to see what a network is made of."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

import torch
from torch import Tensor

from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.shapes import ShapesOnly
from backdoor_pipeline.training.hosting import hosted

Found = TypeVar("Found")


def of_a_blank_image(model: Classifier, function: Callable[[Tensor], Found]) -> Found:
    """What a function of the model, or the model itself, gives for it.

    Args:
        model: of images; left in its mode. On the meta device it has shapes only, and so has the result.
        function: of the image, float, (1, C, H, W), on the model's device; the model is in evaluation mode.
    """
    description, device = model.description, model.head.weight.device
    shape = (1, description.channels, description.image_size, description.image_size)
    shapes = ShapesOnly() if device.type == "meta" else nullcontext()
    with hosted(model, device, training=False), torch.inference_mode(), shapes:
        return function(torch.zeros(shape, device=device))
