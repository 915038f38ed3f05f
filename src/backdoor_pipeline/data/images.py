"""What an image data set is: uint8 images, integer labels, class names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Images(Protocol):
    """A row-indexable store of uint8 images; a `torch.Tensor` is one, a streaming folder another."""

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Tensor | slice, /) -> Tensor:
        """The images at these rows: uint8, (n, C, H, W), in the order asked for."""


class StreamedImages(Images, Protocol):
    """Images that are read when they are asked for, because all of them would not fit in memory."""

    def take(self, index: Tensor) -> "StreamedImages":
        """A view of these rows, still unread."""


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A labelled image data set.

    Attributes:
        images: uint8, (N, C, H, W), 0..255; a tensor, or a `StreamedImages`.
        labels: int64, (N,), 0..K-1.
        classes: the K class names.
    """

    images: Images
    labels: Tensor
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def inputs(self) -> Images:
        """The images, as what is shared with texts calls them."""
        return self.images

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def subset(self, index: Tensor) -> "ImageSet":
        """The rows at `index` (int64), in that order."""
        images = self.images
        taken = images[index] if isinstance(images, Tensor) else images.take(index)  # type: ignore[attr-defined]
        return ImageSet(taken, self.labels[index], self.classes)

    def batches(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Images and labels in order, `size` rows at a time."""
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield self.images[rows], self.labels[rows]
