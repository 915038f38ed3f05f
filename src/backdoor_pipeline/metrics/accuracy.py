"""How well a model classifies, how well the backdoor works, and what a defense mends, as fractions."""

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class Scores(BaseModel):
    """What one model scored on the test set.

    Attributes:
        clean_accuracy: C-Acc, 0..1.
        asr: attack success rate, 0..1; None where nothing was triggered (the clean-model control).
        robust_accuracy: R-Acc, 0..1; None where nothing was triggered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    clean_accuracy: float = Field(ge=0, le=1)
    asr: float | None = Field(ge=0, le=1)
    robust_accuracy: float | None = Field(ge=0, le=1)


def clean_accuracy(predicted: Tensor, labels: Tensor) -> float:
    """C-Acc: the share of images given their label.

    Args:
        predicted: int64, (N,).
        labels: int64, (N,).

    Raises:
        ValueError: the lengths differ, or there are no images.
    """
    _same_length(predicted, labels)
    if not len(labels):
        raise ValueError("clean accuracy of no images")
    return _share(predicted == labels)


def attack_success_rate(predicted: Tensor, targets: Tensor, true_labels: Tensor) -> float | None:
    """ASR: of the triggered images that do not truly belong to their target class, the share put into it.

    Args:
        predicted: int64, (N,), the model's labels of the triggered images.
        targets: int64, (N,), each image's target label: one for all-to-one, its own for all-to-all.
        true_labels: int64, (N,).

    Returns:
        The share, or None where no image counts (no image, or all belong to their target class).

    Raises:
        ValueError: the lengths differ.
    """
    return _share_of_victims(predicted, targets, true_labels, wanted=targets)


def robust_accuracy(predicted: Tensor, targets: Tensor, true_labels: Tensor) -> float | None:
    """R-Acc: of the images that `attack_success_rate` counts, the share given their true label.

    Arguments, result and errors are those of `attack_success_rate`.
    """
    return _share_of_victims(predicted, targets, true_labels, wanted=true_labels)


def defense_effectiveness(before: Scores, after: Scores) -> float | None:
    """DER = (max(0, ASR drop) - max(0, C-Acc drop) + 1) / 2, in 0..1; None without an attack."""
    if before.asr is None or after.asr is None:
        return None
    return _rate(gain=before.asr - after.asr, cost=before.clean_accuracy - after.clean_accuracy)


def robust_improvement(before: Scores, after: Scores) -> float | None:
    """RIR = (max(0, R-Acc rise) - max(0, C-Acc drop) + 1) / 2, in 0..1; None without an attack."""
    if before.robust_accuracy is None or after.robust_accuracy is None:
        return None
    gain = after.robust_accuracy - before.robust_accuracy
    return _rate(gain, cost=before.clean_accuracy - after.clean_accuracy)


def _rate(gain: float, cost: float) -> float:
    return (max(0.0, gain) - max(0.0, cost) + 1) / 2


def _share_of_victims(predicted: Tensor, targets: Tensor, true: Tensor, wanted: Tensor) -> float | None:
    _same_length(predicted, targets, true)
    victims = true != targets
    return _share((predicted == wanted)[victims]) if victims.any() else None


def _share(hits: Tensor) -> float:
    return int(hits.sum()) / len(hits)


def _same_length(*columns: Tensor) -> None:
    # torch would broadcast a single target over all rows, and score a wrong shape without a word
    shapes = [tuple(column.shape) for column in columns]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        raise ValueError(f"one label per image was expected, not shapes {shapes}")
