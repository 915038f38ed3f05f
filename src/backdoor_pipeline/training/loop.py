"""One epoch: batches in a fixed order, a step for each, numbers at the end."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed, generator
from backdoor_pipeline.training.augment import augment
from backdoor_pipeline.training.batches import BatchSource, plan_epoch
from backdoor_pipeline.training.hardware import Hardware
from backdoor_pipeline.training.hosting import seeded
from backdoor_pipeline.training.objective import Batch, Objective, Tamper
from backdoor_pipeline.training.observer import Observer
from backdoor_pipeline.training.optimizers import Optimizers
from backdoor_pipeline.training.recipe import Recipe
from backdoor_pipeline.training.schedule import learning_rate

if TYPE_CHECKING:
    from backdoor_pipeline.data.spec import Augmentation


@dataclass(frozen=True, slots=True)
class Loop:
    """One training, epoch by epoch.

    Attributes:
        model: on the device, in training mode.
        forward: the model, or its compiled form, which takes whole batches only.
        optimizers: of the model's weights.
        source: of the batches.
        recipe: batch size and learning rates.
        steps: batches in an epoch, or None: as many as one pass over the data has.
        objective: what is minimized.
        tamper: what an attacker does to each batch before it is augmented, or None.
        observer: who sees each batch after its step, or None.
        augmentation: how images are varied, or None.
        hardware: how it runs.
        seed: the experiment's.
        purpose: what is trained.
    """

    model: nn.Module
    forward: nn.Module
    optimizers: Optimizers
    source: BatchSource
    recipe: Recipe
    steps: int | None
    objective: Objective
    tamper: Tamper | None
    observer: Observer | None
    augmentation: "Augmentation | None"
    hardware: Hardware
    seed: int
    purpose: str

    def epoch(self, losses: Sequence[float], bar: "tqdm[Any]") -> dict[str, float]:
        """Train for one epoch; the device is waited for only at its end.

        Args:
            losses: the mean loss of every epoch so far.
            bar: progress, in batches.

        Returns:
            epoch (from 1), lr (of its first step), loss, accuracy (if the objective reports it), seconds.

        Raises:
            UserError: the loss is not finite.
        """
        start, epoch, lr = time.perf_counter(), len(losses) + 1, learning_rate(self.recipe, losses)
        totals, images, answered = torch.zeros(2, device=self.hardware.device), 0, 0
        reported = True
        with seeded(derive_seed(self.seed, self.purpose, "dropout", epoch), self.hardware.device):
            for batch, begun in self._batches(epoch):
                self.optimizers.set_learning_rates(losses, begun)
                totals[0] += self._step(batch) * len(batch.labels)
                images += len(batch.labels)
                if (correct := batch.correct) is None:
                    reported = False
                else:
                    totals[1] += correct
                    answered += batch.answered
                if self.observer is not None:
                    self.observer.see(batch)
                bar.update()
        loss, accuracy = (totals / totals.new_tensor([images, max(1, answered)])).tolist()
        if not math.isfinite(loss):
            raise UserError(
                f"{self.purpose}: the loss became {loss} in epoch {epoch} at lr {lr:g}: lower lr."
            )
        row = {"epoch": epoch, "lr": lr, "loss": loss} | (
            {"accuracy": accuracy} if reported and answered else {}
        )
        bar.set_postfix({name: f"{value:.4g}" for name, value in row.items()})
        return {**row, "seconds": time.perf_counter() - start}

    def _batches(self, epoch: int) -> Iterator[tuple[Batch, float]]:
        """Every batch, with the share of the epoch's batches that came before it."""
        draws = generator(self.seed, self.purpose, "augment", epoch, device=self.hardware.device)
        hand = generator(self.seed, self.purpose, "tamper", epoch, device=self.hardware.device)
        plan = plan_epoch(self._order, self.recipe.batch_size, epoch, self.steps)
        for number, (images, labels, index) in enumerate(self.source.batches(plan)):
            if self.tamper is not None:
                images, labels = self.tamper(images, labels, index, epoch, hand)
            if self.augmentation is not None:
                images = augment(images, self.augmentation, draws)
            step = (epoch - 1) * len(plan) + number
            yield Batch(self.hardware.as_input(images), labels, index, epoch, step), number / len(plan)

    def _order(self, number: int) -> Tensor:
        """The rows as the pass of this number takes them."""
        draws = generator(self.seed, self.purpose, "order", number)
        return torch.randperm(len(self.source), generator=draws)

    def _step(self, batch: Batch) -> Tensor:
        if self.forward is not self.model:
            torch.compiler.cudagraph_mark_step_begin()
        whole = len(batch.labels) == self.recipe.batch_size
        with self.hardware.autocast():
            loss = self.objective(self.forward if whole else self.model, batch)
        self.optimizers.descend(loss)
        return loss.detach()
