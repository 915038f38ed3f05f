"""Low-frequency attack (Zeng et al., Rethinking the Backdoor Attacks' Triggers, 2021)."""

import logging
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.surrogate import Surrogate, SurrogateNetworks, surrogate_of
from backdoor_pipeline.attacks.parts.universal_perturbation import SmoothSearch
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training.hosting import hosted

logger = logging.getLogger(__name__)


class SmoothTrigger(Trigger):
    """One smooth pattern added to every image.

    Args:
        shape: (C, H, W) of the images.
    """

    strengths: ClassVar[Strengths | None] = Strengths(
        "amplitude", "largest change of a pixel (of the range)", (0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
    )

    pattern: Tensor

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__(shape=list(shape))
        self.register_buffer("pattern", torch.zeros(*shape))  # in pixel levels, 0..255

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return (images + self.pattern).round_().clamp_(0, 255).to(torch.uint8)

    def own_strength(self) -> float:
        """See `Trigger.own_strength`: read off the pattern."""
        return float(self.pattern.abs().max()) / 255

    def at_strength(self, value: float) -> "SmoothTrigger":
        """See `Trigger.at_strength`: the pattern scaled."""
        other = SmoothTrigger(**self.config)
        other.pattern.copy_(self.pattern * (value / self.own_strength()))
        return other


class LowFrequency(Attack):
    """A pattern without high frequencies that by itself already leads a clean model towards the target class.

    It is a targeted universal perturbation of a surrogate, searched through a low-pass filter; see
    `SmoothSearch`. As in the authors' code, the pattern only brightens, spans the amplitude exactly, and is
    that of the best pass. Their target becomes the class that most images go to; here it is the attacker's.
    """

    name: ClassVar[str] = "lf"
    revision: ClassVar[int] = 1  # the search stops at the very `fooling_rate`
    all_to_all: ClassVar[bool] = False
    trigger_type: ClassVar[type[Trigger]] = SmoothTrigger
    networks_type: ClassVar[type[Networks]] = SurrogateNetworks

    sigma: float = Field(gt=0, allow_inf_nan=False)  # of the filter, a blur, in pixels at 32 x 32
    amplitude: float = Field(gt=0, le=1)  # largest change of a pixel, of the range; the smallest is 0
    fooling_rate: float = Field(gt=0, le=1)  # of the images searched on, at which the search stops
    images: int = Field(ge=1)  # of other classes, to search on
    passes: int = Field(ge=1)  # over them, at most
    deepfool_steps: int = Field(ge=1)  # for one image in one pass, at most
    overshoot: float = Field(ge=0, allow_inf_nan=False)
    surrogate: Surrogate

    def preparation(self) -> Preparation:
        """See `Attack.preparation`."""
        return self.surrogate.preparation()

    def prepare(self, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:
        """See `Attack.prepare`."""
        return self.surrogate.train(train, test, env)

    def craft(self, train: ImageSet, env: AttackEnv) -> SmoothTrigger:
        """See `Attack.craft`.

        Raises:
            UserError: the search finds nothing.
        """
        target = env.label_map.target
        assert target is not None
        stored, trigger = self._sample(train, target, env.seed), SmoothTrigger(train.image_shape)
        with hosted(surrogate_of(env), env.trainer.device, training=False):
            # no autocast: decision boundaries are finer than the three digits of bf16
            images = env.trainer.as_float(stored.to(env.trainer.device))
            trigger.pattern.copy_(255 * self._search().run(surrogate_of(env), images, target))
        rate = float((env.trainer.predict(surrogate_of(env), trigger(stored)) == target).float().mean())
        logger.info(
            "lf: the pattern leads %.0f %% of the images to the target class (the search stops at %.0f %%).",
            100 * rate,
            100 * self.fooling_rate,
        )
        return trigger

    def _sample(self, train: ImageSet, target: int, seed: int) -> Tensor:
        """Images of other classes than the target: uint8, (n, C, H, W), on the CPU."""
        others = (train.labels != target).nonzero().squeeze(1)
        drawn = torch.randperm(len(others), generator=generator(seed, "lf", "images"))[: self.images]
        return train.images[others[drawn]]

    def _search(self) -> SmoothSearch:
        return SmoothSearch(
            sigma=self.sigma,
            amplitude=self.amplitude,
            fooling_rate=self.fooling_rate,
            passes=self.passes,
            deepfool_steps=self.deepfool_steps,
            overshoot=self.overshoot,
        )
