"""Anybody's network, wrapped."""

from collections.abc import Sequence
from operator import index
from typing import Any

from pydantic import ValidationError
from torch import nn

from backdoor_pipeline.api.checks import FAILURES, brief
from backdoor_pipeline.base.errors import UserError, quoted, user_error
from backdoor_pipeline.experiment.validation import told_of
from backdoor_pipeline.models import ModelDescription, WrappedClassifier, wrapping
from backdoor_pipeline.models.wrapping import Factory


def wrap(
    network: nn.Module,
    *,
    image_size: int,
    channels: int = 3,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    factory: Factory | None = None,
) -> WrappedClassifier:
    """A copy of a network of images as a `Classifier`, in evaluation mode, on the CPU.

    Args:
        network: images (N, C, H, W) to logits (N, K); the last thing it does is a linear layer.
        image_size: height and width of the images, in pixels.
        channels: C.
        mean: per channel, what the network wants subtracted from pixels in [0, 1]; None: nothing.
        std: per channel, what it wants them divided by; None: 1.
        factory: makes such a network with new weights, for defenses that train anew.

    Raises:
        UserError: it has no linear layer, does not end with one, or takes no such images; or a number is out
            of range.
    """
    if not isinstance(network, nn.Module):
        raise UserError(f"{quoted(network)} is no network: give a PyTorch module.")
    if not isinstance(factory, type(None)) and not callable(factory):
        raise UserError(f"factory is {quoted(factory)}: give a function that makes such a network.")
    sizes = {"image_size": _size(image_size, "image_size"), "channels": _size(channels, "channels")}
    try:
        return wrapping.wrap(network, **sizes, mean=_listed(mean), std=_listed(std), factory=factory)
    except ValidationError as error:
        raise told_of(error, ModelDescription, "wrap") from error
    except FAILURES as error:
        lack = user_error(error)  # of memory
        raise lack or UserError(f"{type(network).__name__} cannot be wrapped: {brief(error)}.") from error


def _size(given: Any, name: str) -> int:
    try:
        size = 0 if isinstance(given, bool) else index(given)
    except TypeError:
        size = 0
    if size < 1:
        raise UserError(f"{name} is {quoted(given)}: give a whole number, 1 or more.")
    return size


def _listed(given: Any) -> list[float] | None:
    """One number per channel."""
    try:
        return None if given is None else [float(value) for value in given]
    except FAILURES as error:
        raise UserError(f"{quoted(given)} won't do: give one number for each channel.") from error
