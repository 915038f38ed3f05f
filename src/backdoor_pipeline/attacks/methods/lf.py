"""Low-frequency attack (Zeng et al., Rethinking the Backdoor Attacks' Triggers, 2021)."""

import logging
import sys
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from tqdm import tqdm

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.deepfool import Classify, logit_gap, targeted_deepfool
from backdoor_pipeline.attacks.parts.low_pass import low_pass
from backdoor_pipeline.attacks.parts.surrogate import Surrogate, SurrogateNetworks, surrogate_of
from backdoor_pipeline.attacks.trigger import Strengths, Trigger
from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.training.hosting import hosted

logger = logging.getLogger(__name__)

# against none, after 20 passes: 2 (CIFAR-10) and 5 times (digits) as many held-out images fooled
SHAVES = 20


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
        self.register_buffer("pattern", torch.zeros(*shape))  # in pixel levels, -255..255

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

    It is a targeted universal perturbation (Moosavi-Dezfooli et al., 2017) of a surrogate, searched through
    a low-pass filter: what is searched is z, and the pattern is filter(z), so that no step is undone by
    smoothing it afterwards. Every change is of z, every norm a norm of z.
    """

    name: ClassVar[str] = "lf"
    all_to_all: ClassVar[bool] = False
    trigger_type: ClassVar[type[Trigger]] = SmoothTrigger
    networks_type: ClassVar[type[Networks]] = SurrogateNetworks

    sigma: float = Field(gt=0, allow_inf_nan=False)  # of the low-pass filter, in cycles per image
    amplitude: float = Field(gt=0, le=1)  # largest change of a pixel, as a share of the range
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
        """See `Attack.craft`."""
        target = env.label_map.target
        assert target is not None
        stored, trigger = self._sample(train, target, env.seed), SmoothTrigger(train.image_shape)
        with hosted(surrogate_of(env), env.trainer.device, training=False):
            # no autocast: decision boundaries are finer than the three digits of bf16
            images = env.trainer.as_float(stored.to(env.trainer.device))
            trigger.pattern.copy_(255 * self._search(surrogate_of(env), images, target))
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

    def _search(self, model: nn.Module, images: Tensor, target: int) -> Tensor:
        """The pattern: float32, (C, H, W), at most `amplitude`.

        To be fooled is, for every image, (locally) to lie in a half-space of z. Moosavi-Dezfooli et al.
        project onto the half-spaces of those that are not fooled, one after the other. Here z moves by the
        mean of these projections (Cimmino's method instead of Kaczmarz's): one batch instead of a hundred,
        no dependence on the order, and a compromise where the amplitude leaves no point common to all.
        """

        def classify(rows: Tensor, z: Tensor) -> Tensor:
            logits: Tensor = model((images[rows] + low_pass(z, self.sigma)).clamp(0, 1))
            return logits

        z = torch.zeros_like(images[0])
        everyone = torch.arange(len(images), device=images.device)
        quiet = not sys.stderr.isatty()
        for _ in tqdm(range(self.passes), desc="lf", unit="pass", leave=False, disable=quiet):
            with torch.no_grad():
                missed = logit_gap(classify(everyone, z.expand_as(images)), target) >= 0
            if 1 - float(missed.float().mean()) >= self.fooling_rate:
                break
            z = self._within(z + self._shared_step(classify, everyone[missed], z, target))
        return low_pass(z, self.sigma)

    def _shared_step(self, classify: Classify, rows: Tensor, z: Tensor, target: int) -> Tensor:
        """The mean step of z into the half-spaces of these images, of all where DeepFool finds a way."""
        found, reached = targeted_deepfool(
            lambda some, points: classify(rows[some], points),
            z.expand(len(rows), *z.shape),
            target,
            overshoot=self.overshoot,
            max_steps=self.deepfool_steps,
        )
        if not reached.any():
            return torch.zeros_like(z)
        return found[reached].mean(0)

    def _within(self, z: Tensor) -> Tensor:
        """Moved so that the pattern keeps the amplitude.

        Clipping the pattern would bring high frequencies, and scaling alone would let its highest peak
        weaken all the rest. So what exceeds the amplitude is first shaved off through the filter, a gradient
        descent on its square (the CQ algorithm of Byrne, 2002); scaling takes care of what remains.
        """
        for _ in range(SHAVES):
            pattern = low_pass(z, self.sigma)
            z = z - low_pass(pattern - pattern.clamp(-self.amplitude, self.amplitude), self.sigma)
        return z * (self.amplitude / low_pass(z, self.sigma).abs().max()).clamp(max=1)
