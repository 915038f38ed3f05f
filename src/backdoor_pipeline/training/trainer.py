"""Training and prediction: everything that learns in this project goes through here."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from backdoor_pipeline.data.samples import Inputs, SampleSet
from backdoor_pipeline.data.texts import Texts
from backdoor_pipeline.training.allocator import keep_freed_memory
from backdoor_pipeline.training.batches import BatchSource, are_ids, at_hand, batches_of, cut_to_longest
from backdoor_pipeline.training.checkpoint import Checkpoint, History, fingerprint
from backdoor_pipeline.training.eager import Eager
from backdoor_pipeline.training.hardware import Engine, Hardware, Precision, compiled, compiles
from backdoor_pipeline.training.hosting import hosted
from backdoor_pipeline.training.loop import Loop
from backdoor_pipeline.training.objective import Objective, Tamper, cross_entropy
from backdoor_pipeline.training.observer import Observer
from backdoor_pipeline.training.optimizers import Optimizers
from backdoor_pipeline.training.progress import announce
from backdoor_pipeline.training.reading import as_read
from backdoor_pipeline.training.recipe import Recipe

if TYPE_CHECKING:
    from backdoor_pipeline.data.spec import Augmentation

OnEpoch = Callable[[int, nn.Module], Mapping[str, float]]

PREDICT_BATCH = 512


class Trainer:
    """Trains and evaluates any model of float images in [0, 1], or of texts.

    Attributes:
        augmentation: how training images are varied, or None.
    """

    def __init__(self, engine: Engine, augmentation: "Augmentation | None") -> None:
        """Choose the hardware.

        Args:
            engine: how to run.
            augmentation: how training images are varied, or None.

        Raises:
            UserError: there is no such device.
        """
        self._engine = engine
        self._hardware = Hardware.resolve(engine)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.augmentation = augmentation

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self._hardware.device

    @property
    def precision(self) -> Precision:
        """How it computes: `fp32`, or `bf16` under autocast."""
        return self._hardware.precision

    def fit(
        self,
        model: nn.Module,
        data: SampleSet,
        recipe: Recipe,
        *,
        seed: int,
        purpose: str = "train",
        objective: Objective = cross_entropy,
        tamper: Tamper | None = None,
        parts: Mapping[str, Recipe] = MappingProxyType({}),
        steps: int | None = None,
        on_epoch: OnEpoch | None = None,
        observer: Observer | None = None,
        checkpoint: Path | None = None,
        augment: bool = True,
    ) -> History:
        """Train the model in place: on the device, in training mode; then it is back where and as it was.

        Weights with `requires_grad=False` stay as they are. The last, smaller batch of an epoch counts too; a
        single left-over image joins the batch before it.

        Args:
            model: float images (N, C, H, W) in [0, 1], or token ids, to what the objective takes.
            data: the training set.
            recipe: optimizer, schedule, epochs.
            seed: the experiment's.
            purpose: what is trained; another name gives other random numbers.
            objective: what is minimized; its `repr` is part of the checkpoint's identity.
            tamper: what an attacker does to each batch before it is augmented; likewise.
            parts: recipes of submodules, by name, where they differ from the model's in optimizer or learning
                rates; epochs and batch size are the model's.
            steps: batches in an epoch, which then is no pass over the data: passes go on from epoch to epoch.
                None: one pass.
            on_epoch: called with the number of epochs done and the model on the device; what it returns joins
                the history.
            observer: sees every batch after its step; left on the device.
            checkpoint: the file to resume from, written when it is `due` and at the end; see `discard`.
            augment: whether to vary the images.

        Returns:
            A row per epoch: epoch (from 1), lr (of its first step), loss (mean over images), accuracy (0 to
            1, of the augmented batches as they were trained on; if the objective reports it), seconds, what
            `on_epoch` returned.

        Raises:
            UserError: the loss is not finite.
        """
        augmentation, inputs = self.augmentation if augment else None, as_read(model, data.inputs)
        file = None
        if checkpoint and self._engine.checkpoint_every:
            settings = {"recipe": recipe.model_dump(), "seed": seed, "purpose": purpose}
            settings |= {"augmentation": augmentation, "objective": _plain_repr(objective)}
            settings |= {"parts": {name: part.model_dump() for name, part in parts.items()}}
            settings |= {"tamper": _plain_repr(tamper)}
            settings |= {"observer": _plain_repr(observer)} if observer else {}
            settings |= {"steps": steps} if steps else {}
            file = Checkpoint(checkpoint, fingerprint(model, inputs, data.labels, settings))
        with hosted(model, self.device, training=True, memory_format=self._hardware.memory_format):
            optimizers = Optimizers.of(model, recipe, parts)
            if observer:
                observer.to(self.device)
            history = file.resume(model, optimizers, observer) if file else []
            forward = self._forward(model, recipe, data, steps)
            loop = Loop(
                model=model,
                forward=forward,
                optimizers=optimizers,
                source=BatchSource(inputs, data.labels, self.device),
                recipe=recipe,
                steps=steps,
                objective=objective,
                tamper=tamper,
                observer=observer,
                augmentation=augmentation,
                hardware=self._hardware,
                seed=seed,
                purpose=purpose,
            )
            with _bar(
                purpose, steps or batches_of(len(data), recipe.batch_size), recipe, len(history)
            ) as bar:
                for past in history:  # what a killed run has done
                    announce(past)
                for epoch in range(len(history) + 1, recipe.epochs + 1):
                    row = loop.epoch([past["loss"] for past in history], bar)
                    watched = on_epoch(epoch, model) if on_epoch else {}
                    history.append(row | {name: float(value) for name, value in watched.items()})
                    announce(history[-1])
                    if file and (epoch == recipe.epochs or file.due(epoch, self._engine.checkpoint_every)):
                        file.save(model, optimizers, history, observer)
        if forward is not model:
            # all models share one forward, of which PyTorch compiles no more than eight kinds in a process
            torch.compiler.reset()
        return history

    def _forward(self, model: nn.Module, recipe: Recipe, data: SampleSet, steps: int | None) -> nn.Module:
        """The model, compiled if it is to be; not for texts: each length would be compiled anew."""
        sizes_change = isinstance(model, Eager) or isinstance(data.inputs, Texts)
        wanted = compiles(self._engine, self.device, recipe, len(data), steps)
        return compiled(model) if wanted and not sizes_change else model

    def logits(self, model: nn.Module, inputs: Inputs, batch_size: int | None = None) -> Tensor:
        """The model's output in evaluation mode: float32, (N, K), on the CPU.

        Args:
            model: any that `fit` takes; left where and as it was.
            inputs: uint8 images (N, C, H, W), or texts.
            batch_size: of them at a time; None: 512.
        """
        return self.outputs(model, model, inputs, batch_size)

    def outputs(
        self,
        model: nn.Module,
        function: Callable[[Tensor], Tensor],
        inputs: Inputs,
        batch_size: int | None = None,
    ) -> Tensor:
        """What a function of a model gives, in evaluation mode: float32, (N, ...), on the CPU.

        Args:
            model: hosted on the device meanwhile.
            function: the model, or a method of it.
            inputs: as `logits` takes them; at least one.
            batch_size: of them at a time; None: 512.
        """
        found, size = [], batch_size or PREDICT_BATCH
        read = at_hand(as_read(model, inputs), self.device)  # copied batch by batch, each would be waited for
        with hosted(model, self.device, training=False), torch.inference_mode(), self.autocast():
            for start in range(0, len(read), size):
                stored = read[start : start + size]
                batch = cut_to_longest(stored) if are_ids(stored) else stored
                found.append(function(self._hardware.as_input(batch.to(self.device))).float())
        return torch.cat(found).cpu()

    def predict(self, model: nn.Module, inputs: Inputs) -> Tensor:
        """The predicted labels: int64, (N,), on the CPU; of no inputs, none."""
        return self.logits(model, inputs).argmax(1) if len(inputs) else torch.empty(0, dtype=torch.int64)

    def autocast(self) -> torch.autocast:
        """The context of this precision, for attacks and defenses with optimization loops of their own."""
        return self._hardware.autocast()

    def as_float(self, images: Tensor) -> Tensor:
        """Uint8 images (N, C, H, W) as float32 in [0, 1], in the memory format that is fast here."""
        return self._hardware.as_float(images)


def _plain_repr(function: object) -> str:
    """Its repr without addresses, which differ from process to process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(function))


def _bar(purpose: str, steps: int, recipe: Recipe, done: int) -> "tqdm[Any]":
    """Progress in batches, so many an epoch; nothing where nobody watches."""
    return tqdm(
        total=steps * recipe.epochs,
        initial=steps * done,
        desc=purpose,
        unit="batch",
        leave=False,
        disable=not sys.stderr.isatty(),
    )
