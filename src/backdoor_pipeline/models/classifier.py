"""What the rest of the project handles: a classifier, mostly of images in [0, 1]."""

from abc import ABC, abstractmethod
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from torch import Tensor, nn
from torch.nn import functional as F


class ModelDescription(BaseModel):
    """Everything from which an untrained model can be built again.

    Attributes:
        name: the architecture's registered name.
        num_classes: K.
        channels: C of the images.
        image_size: height and width of the data set's images, in pixels.
        mean: per channel, for images in [0, 1].
        std: per channel, for images in [0, 1].
        options: what the architecture was asked for, such as `{"stem": "small"}`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    num_classes: int = Field(ge=2)
    channels: int = Field(ge=1)
    image_size: int = Field(ge=1)
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    options: dict[str, JsonValue]

    @model_validator(mode="after")
    def _one_per_channel(self) -> "ModelDescription":
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std need one number for each of the {self.channels} channels")
        return self


class Classifier(nn.Module, ABC):
    """A network whose last step is a linear layer.

    Attributes:
        description: what it can be rebuilt from.
        backbone: what it reads, to features, (N, D).
        head: the final linear layer, (N, D) to (N, K).
    """

    description: Any  # a ModelDescription, or a TextDescription
    mean: Tensor  # of image models: per channel, (1, C, 1, 1)
    std: Tensor  # likewise
    input_size: int  # likewise: the height and width, in pixels, that the backbone sees
    backbone: nn.Module
    head: nn.Linear

    @abstractmethod
    def features(self, inputs: Tensor) -> Tensor:
        """The head's input (N, D)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.head(self.features(inputs))
        return logits


class ImageClassifier(Classifier):
    """Normalization, a resize where the architecture needs one, the backbone, and a linear head.

    Attacks and defenses therefore work in pixel space whatever the model.

    Attributes:
        description: a `ModelDescription`.
        backbone: normalized images to features, (N, D).
        head: see `Classifier`.
        head_name: what the head was called in the network.
        input_size: the height and width, in pixels, that the backbone sees.
    """

    def __init__(self, description: ModelDescription, network: nn.Module, input_size: int) -> None:
        """Take a whole network apart into backbone and head.

        Args:
            description: of the model.
            network: normalized images to logits; its last linear layer must be the last thing it does.
            input_size: the height and width, in pixels, that the network sees.
        """
        super().__init__()
        self.description = description
        self.input_size = input_size
        self.register_buffer("mean", torch.tensor(description.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(description.std).view(1, -1, 1, 1))
        name = last_linear(network)
        assert name is not None, "a network without a linear layer is no classifier"
        self.head_name = name
        self.head = network.get_submodule(self.head_name)  # type: ignore[assignment]
        network.set_submodule(self.head_name, nn.Identity())
        self.backbone = network

    def features(self, inputs: Tensor) -> Tensor:
        """The head's input (N, D), for float images (N, C, H, W) in [0, 1].

        Raises:
            TypeError: the images are integers, as they are stored: scale them to [0, 1] first.
        """
        if not inputs.is_floating_point():
            raise TypeError(f"a Classifier takes float images in [0, 1], not {inputs.dtype}")
        features: Tensor = self.backbone(self._resize((inputs - self.mean) / self.std))
        return features

    def _resize(self, images: Tensor) -> Tensor:
        if self.input_size == self.description.image_size:
            return images
        shrinking = self.input_size < self.description.image_size
        size = (self.input_size, self.input_size)
        return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=shrinking)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    """Whether two models of one description have the same weights and statistics, to the bit."""
    if getattr(one, "description", None) != getattr(other, "description", None):
        return False
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())


def last_linear(network: nn.Module) -> str | None:
    """The name of the last linear layer, in the order in which modules were added; None: there is none."""
    names: list[str] = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    return names[-1] if names else None
