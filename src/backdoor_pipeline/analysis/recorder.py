"""What became of every training image, epoch by epoch: learned, forgotten, learned again.

A forgetting event (Toneva et al., An Empirical Study of Example Forgetting, ICLR 2019): an image was answered
right the last time that it was trained on, and now is answered wrong. Answers are those of the batches as
they are trained on, augmented and in training mode, so that no pass over the data is added.
"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.training import Batch, Observer, sent

KINDS = ("clean", "poisoned", "cross")  # of a training image; its role, from -1, counts them
UNSEEN = -1


class SampleRecorder(Observer):
    """Counts forgetting events, and averages loss and accuracy over each kind of image.

    An attacker who draws anew in every epoch which images he poisons makes several samples of one image:
    clean, poisoned, cross. Each of them is followed by itself, from one epoch that shows it to the next.

    Args:
        rows: images of the training set, N.
        settings: what else belongs to the identity of what is watched; see `Observer`.
    """

    right: Tensor  # in this epoch: 1, 0 or unseen
    loss: Tensor
    last: Tensor  # of each kind, at the last time before
    events: Tensor
    shown: Tensor
    learned: Tensor

    def __init__(self, rows: int, settings: str = "") -> None:
        super().__init__()
        self._settings = settings
        self.register_buffer("right", torch.full((rows,), UNSEEN, dtype=torch.int8))
        self.register_buffer("loss", torch.zeros(rows))
        self.register_buffer("last", torch.full((len(KINDS), rows), UNSEEN, dtype=torch.int8))
        for name, dtype in (("events", torch.int16), ("shown", torch.int16), ("learned", torch.bool)):
            self.register_buffer(name, torch.zeros(len(KINDS), rows, dtype=dtype))

    def extra_repr(self) -> str:
        """Part of its `repr`."""
        return f"{len(self.right)} rows, {self._settings}"

    @torch.no_grad()
    def see(self, batch: Batch) -> None:
        """See `Observer.see`; nothing is noted of an objective that reports other rows than the batch's."""
        if batch.reported is None or len(batch.reported[1]) != len(batch.index):
            return
        logits, labels = batch.reported
        rows = sent(batch.index, self.right.device)
        self.right[rows] = (logits.argmax(1) == labels).to(torch.int8)
        self.loss[rows] = F.cross_entropy(logits.float(), labels, reduction="none")

    def close(self, roles: Tensor) -> dict[str, float]:
        """End an epoch.

        Args:
            roles: what each row was in it: -1 clean, else an index into `data.poisoned.ROLES`; int8, (N,).

        Returns:
            `train_loss` and `train_accuracy` of all rows seen, `<kind>_train_...` of each kind there is.
        """
        kind = roles.to(self.right.device).long() + 1
        rows = torch.arange(len(kind), device=kind.device)
        seen, right, last = self.right != UNSEEN, self.right == 1, self.last[kind, rows]
        self.events[kind, rows] += (seen & ~right & (last == 1)).to(torch.int16)
        self.shown[kind, rows] += seen.to(torch.int16)
        self.learned[kind, rows] |= right
        self.last[kind, rows] = torch.where(seen, self.right, last)
        sums = torch.zeros(3, len(KINDS), dtype=torch.float64, device=kind.device)
        for total, values in zip(sums, (seen, self.loss * seen, right), strict=True):
            total.index_add_(0, kind, values.double())
        self.right.fill_(UNSEEN)
        return _means(*sums.tolist())

    def frame(self) -> pd.DataFrame:
        """A row per sample that was shown: index, role, shown (times), events, learned (ever right)."""
        shown = self.shown.cpu().numpy()
        kind, index = shown.nonzero()
        events, learned = (values.cpu().numpy()[kind, index] for values in (self.events, self.learned))
        role = np.array(KINDS)[kind]
        columns = {"index": index, "role": role, "shown": shown[kind, index], "events": events}
        return pd.DataFrame({**columns, "learned": learned})


def _means(counts: list[float], losses: list[float], rights: list[float]) -> dict[str, float]:
    parts = {
        f"{kind}_": sums for kind, sums in zip(KINDS, zip(counts, losses, rights, strict=True), strict=True)
    }
    parts[""] = (sum(counts), sum(losses), sum(rights))
    means: dict[str, float] = {}
    for prefix, (count, loss, right) in parts.items():
        if count:
            means |= {f"{prefix}train_loss": loss / count, f"{prefix}train_accuracy": right / count}
    return means
