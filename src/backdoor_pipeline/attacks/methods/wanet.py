"""WaNet: a small elastic warp, the same for every image (Nguyen and Tran, WaNet, ICLR 2021)."""

from copy import deepcopy
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.control import CROSS, POISONED, CrossSampledAttack, Victim, draw_roles, spared
from backdoor_pipeline.attacks.parts.own_augmentation import OwnAugmentation
from backdoor_pipeline.attacks.parts.warp import WarpTrigger, chunks, draw_control, sample, size_of
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History, sent

RIVALS = 5


class WaNet(CrossSampledAttack):
    """A fixed warp is the trigger; in noise mode, the same warp with noise on it keeps the true label.

    So the model cannot go by traces of resampling alone. For the same end its authors crop and rotate all
    images after that (`augmentation`): with it other smooth warps, which are never shown, hardly fire.
    """

    name: ClassVar[str] = "wanet"
    trigger_type: ClassVar[type[Trigger]] = WarpTrigger

    grid_size: int = Field(ge=2)  # k
    strength: float = Field(gt=0, allow_inf_nan=False)  # s, in half pixels
    grid_rescale: float = Field(gt=0, le=1)  # below 1: less of the warp is cut off at the borders
    augmentation: OwnAugmentation  # in place of the data set's crops; where it is idle, the data set's

    def craft(self, train: ImageSet, env: AttackEnv) -> WarpTrigger:  # noqa: ARG002
        """See `Attack.craft`: uniform shifts in [-1, 1], divided by their mean magnitude."""
        return self._drawn(generator(env.seed, self.name, "grid"))

    def cross(self, images: Tensor, trigger: Trigger, draws: torch.Generator) -> Tensor:
        """See `CrossSampledAttack.cross`: the warp, plus up to half a pixel of noise at every pixel."""
        assert isinstance(trigger, WarpTrigger)
        grid, size = trigger.grid(images), size_of(images)
        warped = []
        for part in chunks(images):
            noise = torch.empty(len(part), *grid.shape, device=images.device).uniform_(-1, 1, generator=draws)
            warped.append(sample(part, noise.div_(size).add_(grid).clamp_(-1, 1)))
        return torch.cat(warped)

    def rivals(self, trigger: Trigger, env: AttackEnv) -> list[WarpTrigger]:  # noqa: ARG002
        """See `Attack.rivals`: warps of the same strength from other control grids."""
        draws = generator(env.seed, self.name, "rivals")
        return [self._drawn(draws) for _ in range(RIVALS)]

    def _drawn(self, draws: torch.Generator) -> WarpTrigger:
        trigger = WarpTrigger(self.grid_size, self.strength, self.grid_rescale)
        trigger.control.copy_(draw_control(self.grid_size, draws))
        return trigger

    def train(
        self, data: ImageSet, trigger: Trigger, victim: Victim, env: AttackEnv
    ) -> tuple[Classifier, History]:
        """See `TrainingControlledAttack.train`."""
        model = victim.build()
        history = env.trainer.fit(
            model,
            data,
            victim.recipe,
            seed=env.seed,
            purpose="train",
            tamper=WarpBatches(self, trigger, env, len(data), spared(data.labels, env)),
            augment=self.augmentation.idle,
            on_epoch=lambda epoch, now: victim.watch(epoch, now, trigger),
            observer=victim.observer,
            checkpoint=victim.checkpoint,
        )
        return model, history


class WarpBatches:
    """The attacker's hand in the training: warps the rows that each epoch draws, then varies all images.

    See `training.Tamper`. Images are mirrored where the data set's are.

    Args:
        attack: for the cross samples and their ratio.
        trigger: what `attack.craft` returned.
        env: for the ratio, the wanted labels and the seed.
        count: rows of the training set.
        never: those that are not poisoned, see `control.spared`.
    """

    def __init__(
        self, attack: WaNet, trigger: Trigger, env: AttackEnv, count: int, never: Tensor | None = None
    ) -> None:
        self._attack, self._env, self._count, self._never = attack, env, count, never
        usual = env.trainer.augmentation
        self._mirror = usual is not None and usual.horizontal_flip
        assert isinstance(trigger, WarpTrigger)
        self._trigger = deepcopy(trigger).to(env.trainer.device)  # whoever watches may move the original
        self._epoch = 0
        self._roles = torch.empty(0, dtype=torch.int8)

    def __repr__(self) -> str:
        """All that decides what it does; part of the checkpoint's identity."""
        env, control = self._env, self._trigger.control.tolist()
        drawn = f"{env.label_map}, {env.poison_ratio}, {env.poison_target_class}, {env.seed}, {self._mirror}"
        return f"WarpBatches({self._attack!r}, {control}, {drawn})"

    def __call__(
        self, images: Tensor, labels: Tensor, rows: Tensor, epoch: int, draws: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The batch with its poisoned rows warped and relabeled, and its cross rows warped with noise."""
        roles = self._roles_in(epoch)[rows]
        found = ((roles == role).nonzero().squeeze(1) for role in (POISONED, CROSS))
        poisoned, crossed = (sent(one, images.device) for one in found)
        noisy = self._attack.cross(images[crossed], self._trigger, draws)
        images = images.index_copy(0, poisoned, self._trigger(images[poisoned]))
        images = images.index_copy(0, crossed, noisy)
        if not self._attack.augmentation.idle:
            images = self._attack.augmentation(images, self._mirror, draws)
        return images, labels.index_copy(0, poisoned, self._env.label_map(labels[poisoned]))

    def _roles_in(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            self._roles = draw_roles(self._count, self._env, self._attack.cross_ratio, epoch, self._never)
            self._epoch = epoch
        return self._roles
