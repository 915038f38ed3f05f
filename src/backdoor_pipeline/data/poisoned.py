"""The rows that an attack changed, and the full set that they make when laid over the clean one (P6)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from backdoor_pipeline.data.images import Images, ImageSet
from backdoor_pipeline.data.samples import Held, SampleSet, concatenated, nothing_like
from backdoor_pipeline.data.texts import Texts, TextSet

ROLES = (
    "poisoned",
    "cross",
)  # cross: triggered by another image's trigger, true label kept (WaNet, Input-aware)
AS_GIVEN = ("clean", "unknown")  # of somebody else's training set: what no one has poisoned, or nobody knows
ALL_ROLES = (*ROLES, *AS_GIVEN)


@dataclass(frozen=True, slots=True)
class PoisonedRows:
    """Changed rows of a clean set. This is ground truth: no defense is handed it (P2).

    Attributes:
        index: rows of the clean set, int64, (n,).
        inputs: as they are now: uint8 images (n, C, H, W), or n texts.
        labels: the labels given by the attacker, int64, (n,).
        true_labels: int64, (n,).
        roles: index into `ALL_ROLES`, of which attacks here give the first two, `ROLES`; int8, (n,).
    """

    whole: ClassVar[bool] = False  # a training set by itself, laid over none

    index: Tensor
    inputs: Held
    labels: Tensor
    true_labels: Tensor
    roles: Tensor

    def __len__(self) -> int:
        return len(self.index)

    @property
    def images(self) -> Tensor:
        """The inputs of an image data set: uint8, (n, C, H, W)."""
        assert isinstance(self.inputs, Tensor), "these rows hold texts"
        return self.inputs

    @classmethod
    def empty(cls, image_shape: tuple[int, int, int]) -> "PoisonedRows":
        """No images. `image_shape` is (C, H, W)."""
        return cls._of(torch.empty(0, *image_shape, dtype=torch.uint8))

    @classmethod
    def none_of(cls, data: SampleSet) -> "PoisonedRows":
        """No rows of this data set: what the clean-model control is made of."""
        return cls._of(nothing_like(data))

    @classmethod
    def _of(cls, nothing: Held) -> "PoisonedRows":
        none = torch.empty(0, dtype=torch.int64)
        return cls(none, nothing, none, none, none.to(torch.int8))

    def joined(self, other: "PoisonedRows") -> "PoisonedRows":
        """These rows and those of `other`, ascending; no row may be in both."""
        order = torch.cat([self.index, other.index]).argsort()
        return PoisonedRows(
            index=torch.cat([self.index, other.index])[order],
            inputs=concatenated([self.inputs, other.inputs])[order],
            labels=torch.cat([self.labels, other.labels])[order],
            true_labels=torch.cat([self.true_labels, other.true_labels])[order],
            roles=torch.cat([self.roles, other.roles])[order],
        )

    def of_role(self, role: str) -> "PoisonedRows":
        """The rows changed in this role."""
        chosen = self.roles == ALL_ROLES.index(role)
        rows = chosen.nonzero().squeeze(1)
        return PoisonedRows(
            index=self.index[rows],
            inputs=self.inputs[rows],
            labels=self.labels[rows],
            true_labels=self.true_labels[rows],
            roles=self.roles[rows],
        )

    def mask(self, size: int, role: str = ROLES[0]) -> Tensor:
        """Which rows of the clean set of this size were changed in this role: bool, (size,)."""
        changed = torch.zeros(size, dtype=torch.bool)
        changed[self.index[self.roles == ALL_ROLES.index(role)]] = True
        return changed


class WholeSet(PoisonedRows):
    """All rows of a training set, which is somebody else's: it is laid over none, in its own order."""

    __slots__ = ()
    whole: ClassVar[bool] = True


def overlay(clean: SampleSet, rows: PoisonedRows) -> SampleSet:
    """The training set as a victim receives it: the clean set with the changed rows laid over it.

    A `WholeSet` is received as it is.
    """
    if rows.whole:
        return ImageSet(rows.images, rows.labels, clean.classes)
    labels = clean.labels.clone()
    labels[rows.index] = rows.labels
    if isinstance(clean, TextSet):
        assert isinstance(rows.inputs, Texts)
        return TextSet(clean.texts.replaced(rows.index, rows.inputs), labels, clean.classes)
    if len(rows) == 0:
        return ImageSet(clean.images, labels, clean.classes)
    if isinstance(clean.images, Tensor):
        images: Images = clean.images.index_copy(0, rows.index, rows.images)
    else:
        images = OverlaidImages(clean.images, rows)
    return ImageSet(images, labels, clean.classes)


class OverlaidImages:
    """Streamed clean images with the changed ones laid over them as they are read."""

    def __init__(self, clean: Images, rows: PoisonedRows, taken: Tensor | None = None) -> None:
        self._clean, self._rows = clean, rows
        self._taken = torch.arange(len(clean)) if taken is None else taken
        self._place = torch.full((len(clean),), -1)  # row of the clean set -> row of the changed images
        self._place[rows.index] = torch.arange(len(rows))

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return torch.Size([len(self._taken), *self._clean.shape[1:]])

    def __len__(self) -> int:
        return len(self._taken)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        rows = self._taken[index]
        images, place = self._clean[rows], self._place[rows]
        images[place >= 0] = self._rows.images[place[place >= 0]]
        return images

    def take(self, index: Tensor) -> "OverlaidImages":
        """A view of these rows, still unread."""
        return OverlaidImages(self._clean, self._rows, self._taken[index])
