"""What is known of a data set before it is read: its classes, the size of images, the length of texts."""

from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from backdoor_pipeline.base.names import Name, why_no_path, why_no_path_below

FILES = ("train", "test")  # options that name files in the data set's folder
Option = Annotated[str, Field(coerce_numbers_to_str=True)]  # YAML reads a bare 8 as a number

Kind = Literal["image", "text"]


class ImageInput(TypedDict):
    """What a model has to know of its images.

    Attributes:
        num_classes: K.
        channels: C of the images.
        image_size: height and width of the images, in pixels.
        mean: per channel, for images in [0, 1].
        std: per channel, for images in [0, 1].
    """

    num_classes: int
    channels: int
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


class TextInput(TypedDict):
    """What a model has to know of its texts.

    Attributes:
        num_classes: K.
        length: tokens that it reads of each, at most.
    """

    num_classes: int
    length: int


ModelInput = ImageInput | TextInput


class Augmentation(BaseModel):
    """How training images are varied: a random crop of the padded image, and a mirror image half the time.

    Attributes:
        crop_padding: pixels added on each side before the crop, fewer than the image has; 0 means no crop.
        horizontal_flip: whether left and right may be swapped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop_padding: int = Field(ge=0)
    horizontal_flip: bool


class DatasetSpec(BaseModel):
    """What `conf/base/parameters/datasets.yml` says of any data set.

    Class attributes:
        kind_of_samples: image or text.

    Attributes:
        name: what the user calls it, and its folder in `data/01_raw`.
        source: the loader that reads it, a name in `data.sources`.
        options: the loader's own settings, such as file names. Those in `FILES` stay inside the data set's
            folder, a relative `folder` stays inside `data/01_raw`.
        num_classes: K.
        train_images: how many training samples are used, of every class in proportion; None: all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind_of_samples: ClassVar[Kind]

    name: Name
    source: str
    options: dict[str, Option]
    num_classes: int = Field(ge=2, le=1_000_000)
    train_images: int | None = Field(default=None, ge=1)  # chosen with the experiment, not with the data set

    @property
    def model_input(self) -> ModelInput:
        """What a model has to know of these samples."""
        raise NotImplementedError

    @property
    def varied_by(self) -> Augmentation | None:
        """How training samples are varied; None: they are not."""
        return None

    @field_validator("options")
    @classmethod
    def _files_are_inside(cls, options: dict[str, str]) -> dict[str, str]:
        for name in FILES:
            if name in options and (objection := why_no_path_below(options[name])):
                raise ValueError(f"of the option `{name}`: {objection}")
        folder = options.get("folder", "elsewhere")
        if objection := (why_no_path if PurePath(folder).is_absolute() else why_no_path_below)(folder):
            raise ValueError(f"of the option `folder`: {objection}; give an absolute path for another place")
        return options


class ImageSpec(DatasetSpec):
    """A data set of images.

    Attributes:
        image_size: height and width in pixels.
        channels: 1 (gray) or 3 (RGB).
        mean: per channel, of pixels scaled to 0..1.
        std: per channel, of pixels scaled to 0..1; 1 where they are not normalized.
        augmentation: how training images are varied.
    """

    kind_of_samples: ClassVar[Kind] = "image"

    image_size: int = Field(ge=1, le=10_000)
    channels: Literal[1, 3]
    mean: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    std: tuple[Annotated[float, Field(ge=0.001, le=1)], ...]
    augmentation: Augmentation

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.image_size, self.image_size

    @property
    def model_input(self) -> ImageInput:
        """What a model has to know of these images."""
        return ImageInput(
            num_classes=self.num_classes,
            channels=self.channels,
            image_size=self.image_size,
            mean=self.mean,
            std=self.std,
        )

    @property
    def varied_by(self) -> Augmentation | None:
        """See `DatasetSpec.varied_by`."""
        return self.augmentation

    @model_validator(mode="after")
    def _the_crop_meets_the_image(self) -> Self:
        if self.augmentation.crop_padding >= self.image_size:
            raise ValueError(f"augmentation.crop_padding must be below image_size, {self.image_size}")
        return self

    @model_validator(mode="after")
    def _one_value_per_channel(self) -> Self:
        for field, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise ValueError(f"{field} has {len(values)} values for {self.channels} channels")
        return self


class TextSpec(DatasetSpec):
    """A data set of texts.

    Attributes:
        kind: tells it from one of images, which has no such key.
        length: tokens that a model reads of each text, at most; the rest is cut off.
    """

    kind_of_samples: ClassVar[Kind] = "text"

    kind: Literal["text"]
    length: int = Field(ge=4, le=512)

    @property
    def model_input(self) -> TextInput:
        """What a model has to know of these texts."""
        return TextInput(num_classes=self.num_classes, length=self.length)


def kind_of(spec: Any) -> Kind:
    """Whether a specification, or the table that it is made of, is of images or of texts."""
    named = spec.get("kind", "image") if isinstance(spec, dict) else spec.kind_of_samples
    return "text" if named == "text" else "image"


AnySpec = Annotated[
    Annotated[ImageSpec, Tag("image")] | Annotated[TextSpec, Tag("text")], Discriminator(kind_of)
]

SPECS: dict[Kind, type[ImageSpec] | type[TextSpec]] = {"image": ImageSpec, "text": TextSpec}
