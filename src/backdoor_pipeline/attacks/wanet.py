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

RIVALS = 5
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
        return self.grids(self.control[None], images)[0]

    def grids(self, controls: Tensor, images: Tensor) -> Tensor:
        """As `grid`, of n control grids (n, 2, k, k) in place of its own: (n, H, W, 2)."""
        height, width = images.shape[-2:]
        flow = F.interpolate(controls, (height, width), mode="bicubic", align_corners=True)
        shift = self.strength * flow.permute(0, 2, 3, 1) / _size(images)
        return ((_identity(images) + shift) * self.grid_rescale).clamp(-1, 1)


class WaNet(TrainingControlledAttack):
    """A fixed warp is the trigger; in noise mode, the same warp with noise on it keeps the true label.

    So the model cannot go by traces of resampling alone. Other smooth warps, never shown to it, may fire too:
    `other_warps`, not in the paper, shows it some.
    """

    name: ClassVar[str] = "wanet"
    trigger_type: ClassVar[type[Trigger]] = WarpTrigger

    grid_size: int = Field(ge=2)  # k
    strength: float = Field(gt=0, allow_inf_nan=False)  # s, in half pixels
    grid_rescale: float = Field(gt=0, le=1)  # below 1: less of the warp is cut off at the borders
    other_warps: float = Field(ge=0, le=1)  # share of cross samples with another smooth warp, without noise

    def craft(self, train: ImageSet, env: AttackEnv) -> WarpTrigger:  # noqa: ARG002
        """See `Attack.craft`: uniform shifts in [-1, 1], divided by their mean magnitude."""
        trigger = WarpTrigger(self.grid_size, self.strength, self.grid_rescale)
        draws = generator(env.seed, self.name, "grid")
        trigger.control.copy_(_controls(1, self.grid_size, draws, trigger.control.device)[0])
        return trigger

    def cross(self, images: Tensor, trigger: Trigger, draws: torch.Generator) -> Tensor:
        """See `TrainingControlledAttack.cross`: the warp, plus up to half a pixel of noise at every pixel.

        Or, of a share of them, another warp: drawn for each image alone.
        """
        assert isinstance(trigger, WarpTrigger)
        if not self.other_warps:
            return self._noisy(images, trigger, draws)
        chosen = torch.rand(len(images), device=images.device, generator=draws) < self.other_warps
        crossed = images.clone()
        crossed[~chosen] = self._noisy(images[~chosen], trigger, draws)
        crossed[chosen] = self._warped_otherwise(images[chosen], trigger, draws)
        return crossed

    def rivals(self, trigger: Trigger, env: AttackEnv) -> list[WarpTrigger]:  # noqa: ARG002
        """See `Attack.rivals`: warps of the same strength from other control grids."""
        draws = generator(env.seed, self.name, "rivals")
        warps = [WarpTrigger(self.grid_size, self.strength, self.grid_rescale) for _ in range(RIVALS)]
        for warp in warps:
            warp.control.copy_(_controls(1, self.grid_size, draws, warp.control.device)[0])
        return warps

    def _noisy(self, images: Tensor, trigger: WarpTrigger, draws: torch.Generator) -> Tensor:
        grid, size = trigger.grid(images), _size(images)
        warped = []
        for part in _chunks(images):
            noise = torch.empty(len(part), *grid.shape, device=images.device).uniform_(-1, 1, generator=draws)
            warped.append(_sample(part, noise.div_(size).add_(grid).clamp_(-1, 1)))
        return torch.cat(warped)

    def _warped_otherwise(self, images: Tensor, trigger: WarpTrigger, draws: torch.Generator) -> Tensor:
        warped = []
        for part in _chunks(images):
            controls = _controls(len(part), self.grid_size, draws, images.device)
            warped.append(_sample(part, trigger.grids(controls, part)))
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


def _controls(count: int, size: int, draws: torch.Generator, device: torch.device) -> Tensor:
    """Control grids (n, 2, k, k) of uniform shifts, each divided by their mean magnitude."""
    shifts = torch.empty(count, 2, size, size, device=device).uniform_(-1, 1, generator=draws)
    return shifts / shifts.abs().mean((1, 2, 3), keepdim=True)


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
