"""How well a defense tells poisoned training samples from clean ones."""

import torch
from torch import Tensor


def detection(flagged: Tensor, poisoned: Tensor, scores: Tensor | None) -> dict[str, float | None]:
    """Compare the samples a defense blamed with those that were poisoned.

    Rows that are neither (the cross samples of WaNet and Input-aware) are for the caller to leave out.

    Args:
        flagged: bool, (N,), what the defense blamed.
        poisoned: bool, (N,), the ground truth.
        scores: float, (N,), higher is more suspicious; None for a defense that only flags.

    Returns:
        `tpr`, `fpr`, `precision` and `auc`, each None where undefined (nothing poisoned, nothing clean,
        nothing flagged, no scores), and the counts `samples`, `poisoned`, `flagged`, `true_positives`.

    Raises:
        ValueError: the lengths differ, or a score is not finite.
    """
    if not flagged.shape == poisoned.shape == (poisoned if scores is None else scores).shape:
        raise ValueError("flags, ground truth and scores must have one value per sample")
    caught = int((flagged & poisoned).sum())
    n_flagged, n_poisoned, n = int(flagged.sum()), int(poisoned.sum()), len(poisoned)
    return {
        "tpr": _ratio(caught, n_poisoned),
        "fpr": _ratio(n_flagged - caught, n - n_poisoned),
        "precision": _ratio(caught, n_flagged),
        "auc": _auc(poisoned, scores),
        "samples": n,
        "poisoned": n_poisoned,
        "flagged": n_flagged,
        "true_positives": caught,
    }


def best_orientation_auc(poisoned: Tensor, scores: Tensor, classes: Tensor, turned: Tensor) -> float | None:
    """The AUC that the same clusters would have if it were known which one is poison.

    Which of a class's two clusters is poison is a defense's guess, and a wrong one hides how well they part
    poison from clean samples. Here each class that has both is turned, in the order of the labels, if that
    raises the AUC; of one such class that is the best orientation, of several it may miss the best.

    Args:
        poisoned: bool, (N,), the ground truth.
        scores: float, (N,), the defense's.
        classes: int64, (N,), in which class each sample was split.
        turned: float, (N,), the scores with the other cluster of every class suspected.

    Returns:
        None where undefined: nothing poisoned, or nothing clean.
    """
    best = _auc(poisoned, scores)
    for label in classes.unique():
        rows = classes == label
        if best is not None and poisoned[rows].any() and not poisoned[rows].all():
            other = torch.where(rows, turned, scores)
            found = _auc(poisoned, other)
            if found is not None and found > best:
                best, scores = found, other
    return best


def _auc(poisoned: Tensor, scores: Tensor | None) -> float | None:
    if scores is None or bool(poisoned.all()) or not bool(poisoned.any()):
        return None
    from sklearn.metrics import roc_auc_score  # takes a second; few runs need it

    return float(roc_auc_score(poisoned.cpu().numpy(), scores.detach().float().cpu().numpy()))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
