"""Attacks that train the victim's model themselves (WaNet, Input-aware, LWS)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.networks import Prepared
from backdoor_pipeline.attacks.trigger import AnyTrigger
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History, Observer, Recipe

CLEAN, POISONED, CROSS = -1, 0, 1  # what becomes of an image in an epoch; the last two index `ROLES`


class Schedule(BaseModel):
    """The learning rates of a training that the attacker runs, in place of the experiment's; see `Recipe`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: Literal["cosine", "multistep", "plateau", "constant"]
    milestones: tuple[Annotated[int, Field(ge=1)], ...]
    gamma: float = Field(gt=0, le=1)


@dataclass(frozen=True, slots=True)
class Victim:
    """The training that the attacker has control of.

    Attributes:
        build: makes the model, with its initial weights.
        recipe: of its training.
        watch: to be called with the number of epochs done, the model and the trigger as it is by then; what
            it returns (C-Acc, ASR ...) joins the history.
        checkpoint: see `Trainer.fit`.
        observer: likewise; sees the training of the victim's model, batch by batch.
    """

    build: Callable[[], Classifier]
    recipe: Recipe
    watch: Callable[[int, nn.Module, AnyTrigger], Mapping[str, float]]
    checkpoint: Path | None = None
    observer: Observer | None = None


class TrainingControlledAttack(Attack, ABC):
    """An attack that owns the training loop."""

    @abstractmethod
    def train(self, data: Any, trigger: Any, victim: Victim, env: AttackEnv) -> tuple[Classifier, History]:
        """The backdoored model and its history, trained from the clean set; see `Trainer.fit`."""

    @abstractmethod
    def roles(self, data: Any, env: AttackEnv, epoch: int, epochs: int) -> Tensor:
        """What becomes of every training row in this epoch: CLEAN, POISONED or CROSS, int8, (N,), on the CPU.

        In the last epoch there are as many of each kind as there ever are.

        Args:
            data: the clean training set.
            env: for the ratio and the seed.
            epoch: from 1.
            epochs: in all.
        """

    def schedule(self) -> Mapping[str, Any]:
        """What of the victim's recipe the attacker decides; by default nothing."""
        return {}

    def prepare_for(self, train: Any, test: Any, victim: Victim, env: AttackEnv) -> Prepared:
        """As `prepare`, for attacks whose trigger and model are learned together.

        Called, for each victim's model, if `preparation` is not None. Here `env.seed` is to be drawn from.
        """
        raise NotImplementedError


class CrossSampledAttack(TrainingControlledAttack, ABC):
    """One that draws anew in every epoch which images it poisons, and has cross samples.

    These carry a trigger that must not fire (a noisy warp, another image's trigger) and keep their labels.
    The poisoned set that defenders see holds as many of both kinds as one epoch has.
    """

    cross_ratio: float = Field(ge=0)  # cross samples per poisoned sample
    training: Schedule

    @abstractmethod
    def cross(self, images: Tensor, trigger: Any, draws: torch.Generator) -> Tensor:
        """Images (uint8, (n, C, H, W)) with triggers that must not fire.

        Args:
            images: on the device of trigger and generator.
            trigger: what `craft` returned.
            draws: of whatever is random.
        """

    def roles(self, data: Any, env: AttackEnv, epoch: int, epochs: int) -> Tensor:  # noqa: ARG002
        """See `TrainingControlledAttack.roles`: all epochs are alike."""
        return draw_roles(len(data), env, self.cross_ratio, epoch, spared(data.labels, env))

    def schedule(self) -> Mapping[str, Any]:
        """See `TrainingControlledAttack.schedule`."""
        return self.training.model_dump()


def spared(labels: Tensor, env: AttackEnv) -> Tensor | None:
    """Rows that are never poisoned, bool, (N,): without `poison_target_class` those that are as wanted."""
    return None if env.poison_target_class else env.label_map(labels) == labels


def draw_roles(
    count: int, env: AttackEnv, cross_ratio: float, epoch: int, never: Tensor | None = None
) -> Tensor:
    """What becomes of every training image in this epoch: exactly round(ratio N) poisoned ones, and
    cross_ratio times as many cross ones (or all that are left), never the same.

    Args:
        count: N.
        env: for the ratio and the seed.
        cross_ratio: cross samples per poisoned one.
        epoch: from 1; the draws of epochs are independent.
        never: rows that are not poisoned, see `spared`.

    Returns:
        CLEAN, POISONED or CROSS: int8, (N,), on the CPU.
    """
    poisoned = round(env.poison_ratio * count)
    crossed = round(cross_ratio * poisoned)
    order = torch.randperm(count, generator=generator(env.seed, "roles", epoch))
    roles = torch.full((count,), CLEAN, dtype=torch.int8)
    may = order if never is None else order[~never[order]]
    roles[may[:poisoned]] = POISONED
    left = order[roles[order] == CLEAN]
    roles[left[:crossed]] = CROSS
    return roles
