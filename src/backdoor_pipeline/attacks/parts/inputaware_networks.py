"""What Input-aware learns: generator, masks and classifier; and the trigger that the first two make up."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from backdoor_pipeline.attacks.networks import Networks
from backdoor_pipeline.attacks.parts.blocks import BLOCK_VALUES
from backdoor_pipeline.attacks.parts.generators import MaskGenerator, PatternGenerator, blend
from backdoor_pipeline.attacks.parts.stored import LEVELS
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.models.build import assemble
from backdoor_pipeline.models.classifier import ModelDescription


class InputAwareTrigger(Trigger):
    """Blends into each image its own pattern, where its own mask says.

    Args:
        channels: C of the images.
        width: of the generators.
        depth: of the generators.
        mean: per channel, for images in [0, 1].
        std: per channel, for images in [0, 1].
    """

    def __init__(
        self, channels: int, width: int, depth: int, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__(channels=channels, width=width, depth=depth, mean=[*mean], std=[*std])
        self.generator = PatternGenerator(channels, channels, width, depth, mean, std)
        self.mask = MaskGenerator(channels, 1, width, depth, mean, std)
        self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> "InputAwareTrigger":  # noqa: ARG002
        """Evaluation mode, always: an image's trigger does not depend on the batch that it is in."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return self.lend(images, images)

    def lend(self, images: Tensor, lenders: Tensor) -> Tensor:
        """Images with the triggers of others: uint8, (N, C, H, W).

        Args:
            images: uint8, (N, C, H, W).
            lenders: whose triggers they get, likewise.
        """
        rows = max(1, BLOCK_VALUES // images[0].numel()) if len(images) else 1
        lent = torch.empty_like(images)
        for out, part, others in zip(*(each.split(rows) for each in (lent, images, lenders)), strict=True):
            out.copy_(self._stamped(part, others))
        return lent

    @torch.no_grad()
    def _stamped(self, images: Tensor, lenders: Tensor) -> Tensor:
        """Whole numbers in 0..255, as floats; in full precision, wherever it is called."""
        with torch.autocast(images.device.type, enabled=False):
            sources = lenders.float() / LEVELS
            stamped = blend(images.float() / LEVELS, self.generator(sources), self.mask(sources))
        return stamped.mul_(LEVELS).round_()


class InputAwareNetworks(Networks):
    """The generator of patterns, the masks and the classifier; called, it classifies.

    Args:
        model: the classifier's description, as plain values.
        width: of the generators.
        depth: of the generators.
    """

    def __init__(self, model: Mapping[str, Any], width: int, depth: int) -> None:
        super().__init__(model=model, width=width, depth=depth)
        described = ModelDescription.model_validate(model)
        channels, shape = described.channels, (width, depth, described.mean, described.std)
        self.classifier = assemble(described)
        self.generator = PatternGenerator(channels, channels, *shape)
        self.mask = MaskGenerator(channels, 1, *shape)
        self._shape = (channels, *shape)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K), for float images (N, C, H, W) in [0, 1]."""
        logits: Tensor = self.classifier(images)
        return logits

    def train(self, mode: bool = True) -> "InputAwareNetworks":
        """See `Module.train`; masks that are frozen stay in evaluation mode."""
        super().train(mode)
        self.mask.train(mode and next(self.mask.parameters()).requires_grad)
        return self

    def trigger(self) -> InputAwareTrigger:
        """The trigger as it is by now: a copy, on the same device."""
        trigger = InputAwareTrigger(*self._shape)
        trigger.generator.load_state_dict(self.generator.state_dict())
        trigger.mask.load_state_dict(self.mask.state_dict())
        return trigger.to(next(self.generator.parameters()).device)
