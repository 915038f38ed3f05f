"""Watching the victim's training: what is noted at the end of its epochs."""

import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from backdoor_pipeline.analysis.recorder import SampleRecorder
from backdoor_pipeline.analysis.sample_gradients import Samples, gradient_report
from backdoor_pipeline.analysis.scoring import Answers
from backdoor_pipeline.attacks import AnyTrigger, AttackEnv
from backdoor_pipeline.attacks.control import CrossSampledAttack, TrainingControlledAttack
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.poisoned import ROLES, PoisonedRows
from backdoor_pipeline.data.samples import SampleSet, images_of
from backdoor_pipeline.experiment.specs import Watching
from backdoor_pipeline.training import History, Trainer
from backdoor_pipeline.training.hosting import hosted

PREFIX = "watched_"  # of a history's columns that are notes
CLEAN = "clean"
Kinds = dict[str, Samples]


@dataclass(frozen=True, slots=True)
class Notes:
    """What was noted of one training.

    Attributes:
        epochs: a row per epoch.
        samples: a row per training sample; none unless forgetting was watched.
    """

    epochs: pd.DataFrame
    samples: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Watcher:
    """Takes notes of one training.

    Attributes:
        watching: what is watched.
        trainer: the engine.
        recorder: what the training's batches are shown to.
        roles: what becomes of every training row in an epoch; int8, (N,).
        kinds: samples of clean, poisoned and cross images, given the epoch and the trigger as it is by then.
        epochs: of the training.
    """

    watching: Watching
    trainer: Trainer
    recorder: SampleRecorder
    roles: Callable[[int], Tensor]
    kinds: Callable[[int, AnyTrigger | None], Kinds]
    epochs: int

    def due(self, epoch: int) -> bool:
        """Whether test sets and gradients are looked at: in the first, the last and every so many epochs."""
        return epoch in (1, self.epochs) or epoch % self.watching.every == 0

    def notes(
        self, epoch: int, model: nn.Module, trigger: AnyTrigger | None, tests: Answers | None
    ) -> dict[str, float]:
        """What joins the history after an epoch, under names that begin with `PREFIX`."""
        found = self.recorder.close(self.roles(epoch)) if self.watching.forgetting else {}
        if tests is not None and self.due(epoch):
            found |= _test_notes(tests)
            if self.watching.gradients:
                found |= self._gradient_notes(epoch, model, trigger)
        # JSON, in which checkpoints keep the history, has no NaN
        return {f"{PREFIX}{name}": value for name, value in found.items() if not math.isnan(value)}

    def part(self, history: History) -> tuple[History, Notes]:
        """The history without the notes, and the notes."""
        epochs = pd.DataFrame([{"epoch": row["epoch"], **_part(row, notes=True)} for row in history])
        epochs = epochs[["epoch", *sorted(epochs.columns.drop("epoch"))]]  # one order, resumed or not
        samples = self.recorder.frame() if self.watching.forgetting else pd.DataFrame({"index": []})
        return [_part(row, notes=False) for row in history], Notes(epochs, samples)

    def _gradient_notes(self, epoch: int, model: nn.Module, trigger: AnyTrigger | None) -> dict[str, float]:
        with Stopwatch() as clock, hosted(model, self.trainer.device, training=False):
            kinds = self.kinds(epoch, trigger)
            report = gradient_report(model, kinds)
        images = min(len(samples.labels) for samples in kinds.values())
        return {**report, "gradient_images": float(images), "gradient_seconds": clock.seconds}


def watch_static(
    watching: Watching, trainer: Trainer, data: SampleSet, changed: PoisonedRows, seed: int, epochs: int
) -> Watcher | None:
    """The watcher of a training on a poisoned set; None if nothing is watched.

    Args:
        watching: what is watched.
        trainer: the engine.
        data: the poisoned set.
        changed: its changed rows.
        seed: the experiment's, for the images whose gradients are taken.
        epochs: of the training.
    """
    if not watching.on:
        return None
    roles = torch.full((len(data),), -1, dtype=torch.int8)
    roles[changed.index] = changed.roles
    rows = {kind: (roles == role).nonzero().squeeze(1) for role, kind in enumerate((CLEAN, *ROLES), -1)}
    rows = {kind: found for kind, found in rows.items() if len(found)}
    size = min(watching.gradients, *map(len, rows.values()))
    drawn = {kind: found[_order(len(found), seed, kind)[:size]] for kind, found in rows.items() if size}
    stored = {kind: (images_of(data).images[found], data.labels[found]) for kind, found in drawn.items()}

    def kinds(epoch: int, trigger: AnyTrigger | None) -> Kinds:  # noqa: ARG001
        return {
            kind: Samples(*_at_hand(trainer, images, labels), len(rows[kind]) / len(data))
            for kind, (images, labels) in stored.items()
        }

    return Watcher(watching, trainer, _recorder(data, watching), lambda _: roles, kinds, epochs)


def watch_controlled(
    watching: Watching, attack: TrainingControlledAttack, data: SampleSet, env: AttackEnv, epochs: int
) -> Watcher | None:
    """The watcher of a training that the attacker runs; None if nothing is watched.

    Args:
        watching: what is watched.
        attack: it says which rows it changes in each epoch.
        data: the clean training set.
        env: what the attack is given.
        epochs: of the training.
    """
    if not watching.on:
        return None

    def roles(epoch: int) -> Tensor:
        return attack.roles(data, env, epoch, epochs)

    last = roles(epochs)
    shares = {kind: float((last == role).double().mean()) for role, kind in enumerate((CLEAN, *ROLES), -1)}
    present = [kind for kind in shares if shares[kind]]
    size = min(watching.gradients, len(data) // len(present))
    drawn = zip(present, _order(len(data), env.seed, "rows").split(size), strict=False) if size else ()
    stored = {kind: (images_of(data).images[rows], data.labels[rows]) for kind, rows in drawn}

    def kinds(epoch: int, trigger: AnyTrigger | None) -> Kinds:
        assert trigger is not None
        assert isinstance(attack, CrossSampledAttack)  # gradients are taken of images alone
        stamp = deepcopy(trigger).to(env.trainer.device)
        draws = generator(env.seed, "watch", "cross", epoch, device=env.trainer.device)
        made: Mapping[str, Callable[[Tensor], Tensor]] = {
            CLEAN: lambda images: images,
            ROLES[0]: lambda images: attack.poison(images, stamp, env),
            ROLES[1]: lambda images: attack.cross(images, stamp, draws),
        }
        found = {}
        for kind, (images, labels) in stored.items():
            wanted = env.label_map(labels) if kind == ROLES[0] else labels
            changed = made[kind](images.to(env.trainer.device))
            found[kind] = Samples(*_at_hand(env.trainer, changed, wanted), shares[kind])
        return found

    return Watcher(watching, env.trainer, _recorder(data, watching), roles, kinds, epochs)


def _recorder(data: SampleSet, watching: Watching) -> SampleRecorder:
    return SampleRecorder(len(data), repr(watching))


def _order(count: int, seed: int, purpose: str) -> Tensor:
    return torch.randperm(count, generator=generator(seed, "watch", purpose))


def _at_hand(trainer: Trainer, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return trainer.as_float(images.to(trainer.device)), labels.to(trainer.device)


def _test_notes(tests: Answers) -> dict[str, float]:
    found: dict[str, Any] = {}
    for name, logits, labels in tests.sets():
        if len(labels):
            right = (logits.argmax(1) == labels).double().mean()
            found |= {f"{name}_test_loss": F.cross_entropy(logits, labels), f"{name}_test_accuracy": right}
    return {name: float(value) for name, value in found.items()}


def _part(row: Mapping[str, float], *, notes: bool) -> dict[str, float]:
    return {
        name.removeprefix(PREFIX): value for name, value in row.items() if name.startswith(PREFIX) == notes
    }
