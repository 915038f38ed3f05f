"""What is known of a data set before it is read: size, classes, normalization, augmentation."""

from typing import Annotated, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

Option = Annotated[str, Field(coerce_numbers_to_str=True)]  # YAML reads a bare 8 as a number


class ModelInput(TypedDict):
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


class Augmentation(BaseModel):
    """How training images are varied: a random crop of the padded image, and a mirror image half the time.

    Attributes:
        crop_padding: pixels added on each side before the crop; 0 means no crop.
        horizontal_flip: whether left and right may be swapped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crop_padding: int = Field(ge=0)
    horizontal_flip: bool


class DatasetSpec(BaseModel):
    """One data set, as `conf/base/parameters/datasets.yml` describes it.

    Attributes:
        name: what the user calls it, and its folder in `data/01_raw`.
        source: the loader that reads it, a name in `data.sources`.
        options: the loader's own settings, such as file names.
        num_classes: K.
        image_size: height and width in pixels.
        channels: 1 (gray) or 3 (RGB).
        mean: per channel, of pixels scaled to 0..1.
        std: per channel, of pixels scaled to 0..1.
        augmentation: how training images are varied.
        train_images: how many training images are used, of every class in proportion; None: all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    source: str
    options: dict[str, Option]
    num_classes: int = Field(ge=2)
    image_size: int = Field(ge=1)
    channels: Literal[1, 3]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    augmentation: Augmentation
    train_images: int | None = Field(default=None, ge=1)  # chosen with the experiment, not with the data set

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.image_size, self.image_size

    @property
    def model_input(self) -> ModelInput:
        """What a model has to know of these images."""
        return ModelInput(
            num_classes=self.num_classes,
            channels=self.channels,
            image_size=self.image_size,
            mean=self.mean,
            std=self.std,
        )

    @model_validator(mode="after")
    def _one_value_per_channel(self) -> Self:
        for field, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise ValueError(f"{field} has {len(values)} values for {self.channels} channels")
        return self
