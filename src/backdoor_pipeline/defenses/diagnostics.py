"""What a defense shows of its work beside metrics: curves, pictures, the models that it chose between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Curve:
    """Numbers along one setting, such as the clean accuracy along the share of pruned channels.

    Attributes:
        x: the name of the column on the horizontal axis.
        columns: equally long, `x` among them; fractions where they are accuracies.
        chosen: where on the horizontal axis the defense settled, if it did.
    """

    x: str
    columns: Mapping[str, Sequence[float]]
    chosen: float | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Models between which a defense chose on its clean data; `evaluate` says what each would have achieved.

    Attributes:
        setting: what tells them apart, such as `threshold`.
        values: that setting of each.
        weights: of each, the entries of the suspect model's state dict that it changes.
        chosen: the index of the one that the defense chose, before any fine-tuning that follows.
    """

    setting: str
    values: Sequence[float]
    weights: Sequence[Mapping[str, Tensor]]
    chosen: int


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What a defense shows; all of it may be missing.

    Attributes:
        curve: of its search.
        pictures: float, (C, H, W), in [0, 1], by title, such as reversed triggers.
        candidates: see there.
    """

    curve: Curve | None = None
    pictures: Mapping[str, Tensor] = field(default_factory=dict)
    candidates: Candidates | None = None
