"""The list of architectures, those of other packages too, and the options that each of them has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from torch import nn

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.base.names import check_name
from backdoor_pipeline.data.spec import Kind
from backdoor_pipeline.models.classifier import ModelDescription


class ModelOptions(BaseModel):
    """What every architecture offers.

    Attributes:
        pretrained: what to start from: of image models a safetensors file, of text models a folder; None
            starts from random weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pretrained: Path | None

    @property
    def normalization(self) -> Mapping[str, Any]:
        """The `mean` and `std` that the network wants, where they are not the data set's."""
        return {}


class StemOptions(ModelOptions):
    """What architectures made for ImageNet's 224 pixels offer besides.

    Attributes:
        stem: `imagenet` is the published network; `small` drops its first two halvings, for images
            below 128 pixels.
    """

    stem: Literal["small", "imagenet"]


class FactoryOptions(ModelOptions):
    """What describes a network of somebody else's.

    Attributes:
        factory: `package.module:function`, or the name of an architecture here.
        arguments: what it is called with: keywords of the function, or options of the architecture.
        mean: per channel, of the pixels in [0, 1], that the network was trained with; None: the data set's.
        std: likewise.
    """

    factory: str
    arguments: dict[str, JsonValue] = {}
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @property
    def normalization(self) -> Mapping[str, Any]:
        """See `ModelOptions`."""
        given = {"mean": self.mean, "std": self.std}
        return {name: value for name, value in given.items() if value is not None}


Builder = Callable[[Any], nn.Module]  # of a ModelDescription, or of a TextDescription


@dataclass(frozen=True, slots=True)
class Architecture:
    """A registered architecture: how it is built, what it offers, what it is for, which pixels it sees."""

    build: Builder
    options: type[ModelOptions]
    input_size: Callable[[ModelDescription], int]
    kind: Kind


PLAIN = {"pretrained": None}  # the options of a model that no block names, such as one of another package
GROUP = "backdoor_pipeline.models"  # entry points: a name, and the builder that is registered under it

_ARCHITECTURES: dict[str, Architecture] = {}


def register(
    name: str,
    options: type[ModelOptions] = ModelOptions,
    input_size: Callable[[ModelDescription], int] = lambda spec: spec.image_size,
    kind: Kind = "image",
) -> Callable[[Builder], Builder]:
    """Decorate a builder: a description to a network whose last step is a linear layer.

    Args:
        name: what users call it.
        options: the options that it has.
        input_size: the pixels that it sees, where it cannot take every image size as it is.
        kind: whether it is of images or of texts.
    """

    def add(build: Builder) -> Builder:
        check_name("the model", name)
        if name in _ARCHITECTURES:
            raise ValueError(f"model '{name}' is registered twice")
        _ARCHITECTURES[name] = Architecture(build, options, input_size, kind)
        return build

    return add


def model_names(kind: Kind | None = None) -> list[str]:
    """The names of all architectures, or of those of one kind, sorted."""
    return sorted(name for name, one in _known().items() if kind in (None, one.kind))


def architecture(name: str) -> Architecture:
    """The architecture of this name.

    Raises:
        UserError: there is none.
    """
    if name not in _known():
        raise unknown("model", name, _known())
    return _known()[name]


def _known() -> dict[str, Architecture]:
    _plug_in()
    return _ARCHITECTURES


@cache
def _plug_in() -> None:
    """Import what installed packages offer: importing registers it."""
    for point in entry_points(group=GROUP):
        point.load()
        if point.name not in _ARCHITECTURES:
            raise UserError(
                f"{point.value}, offered as model '{point.name}', registers no model of that name: decorate "
                f'it with @register("{point.name}").'
            )


def model_options(name: str, raw: Mapping[str, Any]) -> ModelOptions:
    """Check the options written for a model.

    Raises:
        UserError: the model, an option or a value is not known, or an option is missing.
    """
    kind = architecture(name).options
    for key in raw:
        if key not in kind.model_fields:
            raise unknown(f"option of model '{name}'", key, kind.model_fields)
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(map(str, ("models", name, *first["loc"])))
        raise UserError(
            f"{option}: {first['msg']} (in conf/base/parameters/models.yml or --params)."
        ) from error
