"""WaNet: a small elastic warp, the same for every image (Nguyen and Tran, WaNet, ICLR 2021)."""

from copy import deepcopy
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.control import CROSS, POISONED, TrainingControlledAttack, Victim, draw_roles
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.seeds import generator
from backdoor_pipeline.training import History

CHUNK_PIXELS = 2**18  # warped at a time: bounds the memory, and keeps to a CPU's caches (twice as fast)


class WarpTrigger(Trigger):
    """Takes every pixel from a place nearby: the shifts vary smoothly and are the same for all images.

    Grids are torch's: (x, y) in [-1, 1], where -1 and 1 are the centers of the outermost pixels
    (`align_corners`), as in the authors' code. A shift of s / H is then s / 2 pixels, whatever the size.

    Args:
        grid_size: k of the k x k control grid.
        strength: s: the mean shift at the control points, in half pixels.
        grid_rescale: the whole grid is scaled by it, about the image's center.
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "strength", "mean shift (half pixels)", (0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0)
    )

    control: Tensor  # (2, k, k): the shift in x and y at each control point; of mean magnitude 1

    def __init__(self, grid_size: int, strength: float, grid_rescale: float) -> None:
        super().__init__(grid_size=grid_size, strength=strength, grid_rescale=grid_rescale)
        self.strength, self.grid_rescale = strength, grid_rescale
        self.register_buffer("control", torch.zeros(2, grid_size, grid_size))

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        grid = self.grid(images)
        return torch.cat([_sample(part, grid.expand(len(part), -1, -1, -1)) for part in _chunks(images)])

    def grid(self, images: Tensor) -> Tensor:
        """Where each pixel of such images is taken from: float32, (H, W, 2), in [-1, 1]."""
        height, width = images.shape[-2:]
        flow = F.interpolate(self.control[None], (height, width), mode="bicubic", align_corners=True)[0]
        shift = self.strength * flow.permute(1, 2, 0) / _size(images)
        return ((_identity(images) + shift) * self.grid_rescale).clamp(-1, 1)


class WaNet(TrainingControlledAttack):
    """A fixed warp is the trigger; in noise mode, the same warp with noise on it keeps the true label.

    So the model cannot go by traces of resampling alone. Other smooth warps, never shown to it, may fire too.
    """

    name: ClassVar[str] = "wanet"
    trigger_type: ClassVar[type[Trigger]] = WarpTrigger

    grid_size: int = Field(ge=2)  # k
    strength: float = Field(gt=0, allow_inf_nan=False)  # s, in half pixels
    grid_rescale: float = Field(gt=0, le=1)  # below 1: less of the warp is cut off at the borders

    def craft(self, train: ImageSet, env: AttackEnv) -> WarpTrigger:  # noqa: ARG002
        """See `Attack.craft`: uniform shifts in [-1, 1], divided by their mean magnitude."""
        trigger = WarpTrigger(self.grid_size, self.strength, self.grid_rescale)
        trigger.control.uniform_(-1, 1, generator=generator(env.seed, self.name, "grid"))
        trigger.control /= trigger.control.abs().mean()
        return trigger

    def cross(self, images: Tensor, trigger: Trigger, draws: torch.Generator) -> Tensor:
        """See `TrainingControlledAttack.cross`: the warp, plus up to half a pixel of noise at every pixel."""
        assert isinstance(trigger, WarpTrigger)
        grid, size = trigger.grid(images), _size(images)
        warped = []
        for part in _chunks(images):
            noise = torch.empty(len(part), *grid.shape, device=images.device).uniform_(-1, 1, generator=draws)
            warped.append(_sample(part, noise.div_(size).add_(grid).clamp_(-1, 1)))
        return torch.cat(warped)

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
            tamper=WarpBatches(self, trigger, env, len(data)),
            on_epoch=lambda epoch, now: victim.watch(epoch, now, trigger),
            observer=victim.observer,
            checkpoint=victim.checkpoint,
        )
        return model, history


class WarpBatches:
    """The attacker's hand in the training: warps the rows that each epoch draws; see `training.Tamper`.

    Args:
        attack: for the cross samples and their ratio.
        trigger: what `attack.craft` returned.
        env: for the ratio, the wanted labels and the seed.
        count: rows of the training set.
    """

    def __init__(self, attack: WaNet, trigger: Trigger, env: AttackEnv, count: int) -> None:
        self._attack, self._env, self._count = attack, env, count
        assert isinstance(trigger, WarpTrigger)
        self._trigger = deepcopy(trigger).to(env.trainer.device)  # whoever watches may move the original
        self._epoch = 0
        self._roles = torch.empty(0, dtype=torch.int8)

    def __repr__(self) -> str:
        """All that decides what it does; part of the checkpoint's identity."""
        env, control = self._env, self._trigger.control.tolist()
        return f"WarpBatches({self._attack!r}, {control}, {env.label_map}, {env.poison_ratio}, {env.seed})"

    def __call__(
        self, images: Tensor, labels: Tensor, rows: Tensor, epoch: int, draws: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The batch with its poisoned rows warped and relabeled, and its cross rows warped with noise."""
        roles = self._roles_in(epoch)[rows]
        poisoned, crossed = ((roles == role).nonzero().squeeze(1) for role in (POISONED, CROSS))
        noisy = self._attack.cross(images[crossed], self._trigger, draws)
        images = images.index_copy(0, poisoned, self._trigger(images[poisoned]))
        images = images.index_copy(0, crossed, noisy)
        return images, labels.index_copy(0, poisoned, self._env.label_map(labels[poisoned]))

    def _roles_in(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            roles = draw_roles(self._count, self._env, self._attack.cross_ratio, epoch)
            self._epoch, self._roles = epoch, roles.to(self._env.trainer.device)
        return self._roles


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    """Uint8 images (n, C, H, W) read at the grid (n, H, W, 2), between pixels by bilinear interpolation."""
    warped = F.grid_sample(images.float(), grid, mode="bilinear", align_corners=True)
    return warped.round_().to(torch.uint8)  # weighted means of pixels: they cannot leave 0..255


def _identity(images: Tensor) -> Tensor:
    """The grid that leaves such images as they are: (H, W, 2)."""
    y, x = (torch.linspace(-1, 1, side, device=images.device) for side in images.shape[-2:])
    return torch.stack([*torch.meshgrid(x, y, indexing="xy")], dim=-1)


def _size(images: Tensor) -> Tensor:
    """(W, H), in the order of a grid's coordinates."""
    height, width = images.shape[-2:]
    return torch.tensor([width, height], device=images.device)


def _chunks(images: Tensor) -> tuple[Tensor, ...]:
    height, width = images.shape[-2:]
    return torch.split(images, max(1, CHUNK_PIXELS // (height * width)))
