"""Label-consistent attack (Turner et al., Label-Consistent Backdoor Attacks, 2019)."""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.pgd import PGD, PixelLevels, perturb_bytes
from backdoor_pipeline.attacks.parts.surrogate import Surrogate, SurrogateNetworks, surrogate_of
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.data.images import ImageSet

REFERENCE_SIZE = 32  # pixels: the image size at which `patch_size` is meant
CELLS = 3  # the pattern's cells per side

# in the bottom-right corner: white 1, black -1
PATTERN = ((-1, -1, 1), (-1, 1, -1), (1, -1, 1))


class CornersTrigger(Trigger):
    """A black and white pattern of 3 x 3 cells in all four corners.

    The left ones mirror the right ones, so that a mirrored image carries the same trigger. White cells add
    amplitude * 255 to what is there, black ones subtract it, cut off at 0 and 255; at amplitude 1 nothing
    of the image shows through (section 5 of the paper).

    Args:
        size: the pattern's side in pixels, 3 or more.
        amplitude: share of the range by which pixels change, in (0, 1].
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "amplitude", "amplitude of the patches (of the range)", (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
    )

    shift: Tensor

    def __init__(self, size: int, amplitude: float) -> None:
        super().__init__(size=size, amplitude=amplitude)
        self.size = size
        cell = torch.arange(size) * CELLS // size
        signs = torch.tensor(PATTERN, dtype=torch.float32)[cell][:, cell]
        self.register_buffer("shift", signs * amplitude * 255, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        stamped = images.clone()
        near, far = slice(None, self.size), slice(-self.size, None)
        for rows in (near, far):
            for columns, shift in ((near, self.shift.flip(1)), (far, self.shift)):
                stamped[..., rows, columns] = (
                    (images[..., rows, columns] + shift).round().clamp(0, 255).byte()
                )
        return stamped


class LabelConsistent(Attack):
    """Images of the target class, made hard to recognize and then patched; their labels stay true.

    PGD leads a surrogate away from the target class. A model that is trained on such images finds the patch
    easier to learn than what is left of the class. At test time the patch alone is put on.
    """

    name: ClassVar[str] = "lc"
    clean_label: ClassVar[bool] = True
    all_to_all: ClassVar[bool] = False
    trigger_type: ClassVar[type[Trigger]] = CornersTrigger
    networks_type: ClassVar[type[Networks]] = SurrogateNetworks

    epsilon: PixelLevels  # largest change of a pixel, in 1/255
    step: PixelLevels  # of PGD, in 1/255
    steps: int = Field(ge=1)
    amplitude: float = Field(gt=0, le=1)
    patch_size: int = Field(ge=CELLS, le=REFERENCE_SIZE // 2)  # pixels at 32 x 32
    surrogate: Surrogate

    def preparation(self) -> Preparation:
        """See `Attack.preparation`."""
        return self.surrogate.preparation()

    def prepare(self, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:
        """See `Attack.prepare`."""
        return self.surrogate.train(train, test, env)

    def craft(self, train: ImageSet, env: AttackEnv) -> CornersTrigger:  # noqa: ARG002
        """See `Attack.craft`; nothing is learned."""
        _, height, width = train.image_shape
        size = round(self.patch_size * min(height, width) / REFERENCE_SIZE)
        return CornersTrigger(max(CELLS, size), self.amplitude)

    def poison(self, images: Tensor, trigger: Trigger, env: AttackEnv) -> Tensor:
        """See `Attack.poison`."""
        pgd = PGD(epsilon=self.epsilon, step=self.step, steps=self.steps)
        # all are of the target class, which is what the label map says of any label
        labels = env.label_map(torch.zeros(len(images), dtype=torch.int64, device=images.device))
        # as many at a time as the surrogate was trained on: what fitted then fits now
        batch_size = self.surrogate.recipe.batch_size
        harder = perturb_bytes(env.trainer, surrogate_of(env), images, labels, pgd, batch_size)
        poisoned: Tensor = trigger(harder)
        return poisoned
