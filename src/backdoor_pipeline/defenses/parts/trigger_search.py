"""The search for the smallest trigger of every class (Wang et al., Neural Cleanse, IEEE S&P 2019, sec. V-A).

A trigger is a mask m and a pattern p, put on by x' = (1 - m) x + m p; CE(f(x'), k) + cost |m|_1 is minimized.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.parts.trigger_best import Best
from backdoor_pipeline.defenses.parts.trigger_cost import Costs, CostSettings
from backdoor_pipeline.defenses.parts.triggers import Triggers, stamp
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Trainer
from backdoor_pipeline.training.batches import BatchSource, plan_batches
from backdoor_pipeline.training.hosting import hosted

# of the images that go through the model together: bounds a GPU's memory; beyond it, a CPU's caches suffer
PIXELS_AT_ONCE = {"cuda": 1024 * 32 * 32, "cpu": 128 * 32 * 32}


class TriggerSearch(BaseModel):
    """The settings of the search.

    Attributes:
        epochs: at most so many passes over the clean images.
        batch_size: clean images in a step; each goes in once for every class searched at a time.
        images_per_epoch: drawn anew for each epoch; None: all.
        lr: of Adam.
        betas: of Adam.
        success: the share of images that a trigger must send to its class.
        cost: the weight of the mask's norm.
        early_stop_ratio: a class whose norm does not fall below this share of its last mark ...
        early_stop_patience: ... for so many epochs is done, once its cost has been both raised and lowered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    images_per_epoch: int | None = Field(ge=1)
    lr: float = Field(gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]]
    success: float = Field(gt=0, le=1)
    cost: CostSettings
    early_stop_ratio: float = Field(gt=0, le=1)
    early_stop_patience: int = Field(ge=1)

    def run(self, trainer: Trainer, model: Classifier, clean: ImageSet, seed: int) -> Triggers:
        """Search a trigger for every class, as many classes together as `PIXELS_AT_ONCE` allows.

        A class's trigger does not depend on which others are searched with it.

        Args:
            trainer: the engine.
            model: left where and as it was; its weights stay.
            clean: images of all classes.
            seed: the experiment's.

        Returns:
            On the CPU: of each class the smallest trigger that worked, or the last one if none did.
        """
        pixels = min(self.batch_size, len(clean)) * model.input_size**2  # of one class in one step
        together = max(1, PIXELS_AT_ONCE[trainer.device.type] // pixels)
        groups = torch.arange(len(clean.classes)).split(together)
        with _frozen(model, trainer), _bar(len(groups) * self.epochs) as bar:
            found = [_Group(self, trainer, model, clean, group, seed).search(bar) for group in groups]
        return Triggers(*(torch.cat([getattr(one, part) for one in found]) for part in Triggers.__slots__))


class _Group:
    """Classes that are searched as one batch; a class that is done leaves it."""

    def __init__(
        self,
        settings: TriggerSearch,
        trainer: Trainer,
        model: nn.Module,
        clean: ImageSet,
        classes: Tensor,
        seed: int,
    ) -> None:
        self._settings, self._trainer, self._model, self._seed = settings, trainer, model, seed
        self._source = BatchSource(clean.images, clean.labels, trainer.device)
        self._classes = classes.to(trainer.device)
        self._weights = [part.to(trainer.device).requires_grad_() for part in _start(clean, classes, seed)]
        self._adam = torch.optim.Adam(self._weights, settings.lr, settings.betas)
        self._costs = Costs(settings.cost, len(classes), trainer.device)
        self._best = Best.of(self._triggers(torch.zeros(len(classes), device=trainer.device)))

    def search(self, bar: "tqdm[Any]") -> Triggers:
        """The triggers of all classes of the group, on the CPU."""
        settings = self._settings
        for epoch in range(1, settings.epochs + 1):
            working = (~self._best.done).nonzero().squeeze(1)
            if len(working) == 0:
                break
            plan = self._plan(epoch)
            success = self._descend(plan, working)
            works = success >= settings.success
            # that was of triggers on the move: where they ended is another one, which may work no more
            candidates = (works & (self._triggers(success).norms < self._best.norms)).nonzero().squeeze(1)
            success[candidates] = self._measure(plan, candidates)
            self._best.update(self._triggers(success), success >= settings.success)
            self._costs.update(works)
            self._best.stop(self._costs.settled, settings.early_stop_ratio, settings.early_stop_patience)
            bar.update()
        return self._best.triggers.to(torch.device("cpu"))

    def _plan(self, epoch: int) -> list[Tensor]:
        order = torch.randperm(len(self._source), generator=generator(self._seed, "nc", "order", epoch))
        return plan_batches(order[: self._settings.images_per_epoch], self._settings.batch_size)

    def _descend(self, plan: Sequence[Tensor], working: Tensor) -> Tensor:
        """A step of Adam for every batch; the share of images that each trigger sent to its class: (n,).

        Adam moves classes that are done too, by its momentum: nothing looks at those any more.
        """
        hits = torch.zeros(len(self._classes), device=self._trainer.device)
        for images, _, _ in self._source.batches(plan):
            logits, targets, masks = self._stamped(images, working)
            losses = F.cross_entropy(logits, targets, reduction="none").view(len(working), -1).mean(1)
            self._adam.zero_grad()
            (losses + self._costs.weights[working] * masks.sum((1, 2, 3))).sum().backward()
            self._adam.step()
            hits[working] += _hits(logits, targets, len(working))
        return hits / sum(map(len, plan))

    @torch.no_grad()
    def _measure(self, plan: Sequence[Tensor], working: Tensor) -> Tensor:
        """The share of images that the triggers as they are send to their classes: (number at work,)."""
        hits = torch.zeros(len(working), device=self._trainer.device)
        if len(working):
            for images, _, _ in self._source.batches(plan):
                logits, targets, _ = self._stamped(images, working)
                hits += _hits(logits, targets, len(working))
        return hits / sum(map(len, plan))

    def _stamped(self, images: Tensor, working: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of B uint8 images with each of n triggers: logits, (n B, K), wanted classes, (n B,), and masks."""
        masks, patterns = (_in_range(weight[working]) for weight in self._weights)
        stamped = stamp(self._trainer.as_float(images), masks[:, None], patterns[:, None])  # (n, B, C, H, W)
        with self._trainer.autocast():
            logits = self._model(stamped.flatten(0, 1))
        return logits.float(), self._classes[working].repeat_interleave(len(images)), masks

    def _triggers(self, success: Tensor) -> Triggers:
        masks, patterns = (_in_range(weight.detach()) for weight in self._weights)
        return Triggers(masks, patterns, success)


def _hits(logits: Tensor, targets: Tensor, triggers: int) -> Tensor:
    return (logits.argmax(1) == targets).view(triggers, -1).sum(1)


def _start(clean: ImageSet, classes: Tensor, seed: int) -> list[Tensor]:
    """Masks and patterns drawn uniformly from [0, 1], as the weights that `_in_range` turns into them."""
    channels, height, width = clean.image_shape
    drawn = [
        torch.rand(1 + channels, height, width, generator=generator(seed, "nc", "start", k))
        for k in classes.tolist()
    ]
    weights = torch.atanh((2 * torch.stack(drawn) - 1).clamp(-0.999, 0.999))
    return [weights[:, :1].clone(), weights[:, 1:].clone()]


def _in_range(weights: Tensor) -> Tensor:
    return (weights.tanh() + 1) / 2


@contextmanager
def _frozen(model: nn.Module, trainer: Trainer) -> Iterator[None]:
    """The model on the device in evaluation mode, without gradients by its weights."""
    fast = trainer.precision == "bf16" or trainer.device.type == "cuda"
    layout = torch.channels_last if fast else torch.preserve_format
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    with hosted(model, trainer.device, training=False, memory_format=layout):
        try:
            for weight in learning:
                weight.requires_grad_(False)
            yield
        finally:
            for weight in learning:
                weight.requires_grad_(True)


def _bar(epochs: int) -> "tqdm[Any]":
    return tqdm(total=epochs, desc="nc", unit="epoch", leave=False, disable=not sys.stderr.isatty())
