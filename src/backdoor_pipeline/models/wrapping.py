"""Somebody's network, as it is, made into a classifier that attacks and defenses handle."""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.models.classifier import ImageClassifier, ModelDescription, last_linear

Factory = Callable[[], nn.Module]

PROBES = 2  # images of noise that the taken-apart network is compared on
TOLERANCE = 1e-4


class WrappedClassifier(ImageClassifier):
    """A classifier whose network no registered architecture builds.

    Attributes:
        factory: makes the network with new weights; None: see `fresh`.
    """

    factory: Factory | None = None

    def fresh(self, seed: int) -> "WrappedClassifier":
        """The same structure with new weights of this seed: for defenses that train a model anew.

        Without a factory every layer draws its weights again, as PyTorch's own do by `reset_parameters`.

        Raises:
            UserError: a layer has weights that only its maker knows how to draw.
        """
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.default_generator.manual_seed(derive_seed(seed, "init", self.description.name))
            if self.factory:
                made = WrappedClassifier(self.description, self.factory(), self.input_size)
                made.factory = self.factory
                return made
            made = deepcopy(self).cpu().requires_grad_(True)
            for module in made.modules():
                _draw_again(module)
        return made


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
        UserError: it has no linear layer, or does not end with one.
    """
    copied = deepcopy(network).cpu().eval()
    head = last_linear(copied)
    if head is None:
        raise UserError(f"{type(network).__name__} has no linear layer: give a network that ends with one.")
    classes: int = copied.get_submodule(head).out_features  # type: ignore[assignment]
    description = ModelDescription(
        name=type(network).__name__,
        num_classes=classes,
        channels=channels,
        image_size=image_size,
        mean=tuple(mean or (0.0,) * channels),
        std=tuple(std or (1.0,) * channels),
        options={},
    )
    wrapped = WrappedClassifier(description, deepcopy(copied), image_size)
    wrapped.factory = factory
    _compare(wrapped, copied)
    return wrapped.eval()


def _compare(wrapped: WrappedClassifier, network: nn.Module) -> None:
    """See that features and head together still do what the network does."""
    known, name = wrapped.description, type(network).__name__
    noise = torch.rand(PROBES, known.channels, known.image_size, known.image_size)
    with torch.inference_mode():
        try:
            wanted = network((noise - wrapped.mean) / wrapped.std)
        except (RuntimeError, ValueError, IndexError) as error:
            shape = "x".join(map(str, noise.shape[1:]))
            raise UserError(
                f"{name} takes no images of {shape} (channels, height, width): {error}."
            ) from error
        found = wrapped.eval()(noise)
    if wanted.shape != found.shape or not torch.allclose(wanted, found, atol=TOLERANCE):
        raise UserError(
            f"{name} does something after its last linear layer, '{wrapped.head_name}': "
            "give the network that puts out logits."
        )


def _draw_again(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
    elif any(True for _ in module.parameters(recurse=False)):
        raise UserError(
            f"{type(module).__name__} has weights that only its maker can draw anew: give wrap() a "
            "`factory`, a function that makes such a network."
        )
