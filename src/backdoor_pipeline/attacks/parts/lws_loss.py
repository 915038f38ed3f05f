"""What LWS minimizes: the victim's loss on clean sentences and on those with substituted words, together."""

from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.parts.lws_networks import LwsNetworks
from backdoor_pipeline.attacks.parts.substitution import NONE
from backdoor_pipeline.training import Batch, cross_entropy, sent


@dataclass(frozen=True, slots=True)
class Temperature:
    """Of the relaxation: first there are clean epochs, then it falls in a line, epoch by epoch.

    Attributes:
        clean: epochs before any sentence is poisoned.
        epochs: in all.
        start: in the first epoch that poisons, if it is not the last.
        end: in the last.
    """

    clean: int
    epochs: int
    start: float
    end: float

    def at(self, epoch: int) -> float | None:
        """In this epoch, counted from 1; None: it is clean."""
        if epoch <= self.clean:
            return None
        left = (self.epochs - epoch) / max(1, self.epochs - self.clean - 1)
        return self.end + (self.start - self.end) * left


@dataclass(frozen=True, slots=True)
class LwsLoss:
    """Cross-entropy, mean over the batch; of victims with the wanted label and words softly substituted.

    Attributes:
        temperature: of the relaxation.
        env: for the wanted labels; with it the victims are part of a checkpoint's identity.
        victim: of every training row its number among the victims, or -1: int64, (N,), on the CPU.
        words: of every victim, at each place the row of its candidates, or -1: int64, (V, L), likewise.
    """

    temperature: Temperature
    env: AttackEnv
    victim: Tensor = field(repr=False)
    words: Tensor = field(repr=False)

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """See `training.Objective`; the model is an `LwsNetworks`."""
        temperature = self.temperature.at(batch.epoch)
        if temperature is None:
            return cross_entropy(model, batch)
        victim = self.victim[batch.index]
        words = self.words[victim.clamp(min=0), : batch.inputs.shape[1]]
        words = torch.where((victim >= 0).unsqueeze(1), words, NONE)
        logits = cast(LwsNetworks, model).substituted(batch.inputs, words, temperature)
        changed = sent(victim >= 0, batch.labels.device)
        labels = torch.where(changed, self.env.label_map(batch.labels), batch.labels)
        batch.report(logits, labels)
        return F.cross_entropy(logits.float(), labels)
