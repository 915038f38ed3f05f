"""Targeted universal perturbations (Moosavi-Dezfooli et al., 2017), searched through a low-pass filter."""

import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from backdoor_pipeline.attacks.parts.deepfool import logit_gap, targeted_deepfool
from backdoor_pipeline.attacks.parts.low_pass import low_pass
from backdoor_pipeline.base.errors import UserError

PATIENCE = 3  # passes without a better pattern; on digits, where few images can be fooled, none came after


@dataclass(frozen=True, slots=True)
class SmoothSearch:
    """A search for one smooth pattern that leads images to a class.

    What is searched is z, and the pattern is filter(z) from its lowest value up, so that no step is undone by
    smoothing it afterwards. Every change is of z, every norm a norm of z.

    Attributes:
        sigma: of the filter; see `low_pass`.
        amplitude: the pattern's largest value, of images in [0, 1]; its smallest is 0.
        fooling_rate: of the images, at which the search stops.
        passes: over the images, at most.
        deepfool_steps: for one image in one pass, at most.
        overshoot: see `targeted_deepfool`.
    """

    sigma: float
    amplitude: float
    fooling_rate: float
    passes: int
    deepfool_steps: int
    overshoot: float

    def run(self, model: nn.Module, images: Tensor, target: int) -> Tensor:
        """The pattern of the pass that fooled most: float32, (C, H, W), from 0 to `amplitude`.

        To be fooled is, for every image, (locally) to lie in a half-space of z. Moosavi-Dezfooli et al.
        project onto the half-spaces of those that are not fooled, one after the other. Here z moves by the
        mean of these projections (Cimmino's method instead of Kaczmarz's): one batch instead of a hundred,
        no dependence on the order, and a compromise where the amplitude leaves no point common to all.

        Args:
            model: in evaluation mode.
            images: float32, (n, C, H, W), in [0, 1], on the model's device.
            target: the class.

        Raises:
            UserError: no change leads there.
        """
        z, best, best_rate, waited = torch.zeros_like(images[0]), torch.zeros_like(images[0]), -1.0, 0
        missed = torch.ones(len(images), dtype=torch.bool, device=images.device)
        quiet = not sys.stderr.isatty()
        for _ in tqdm(range(self.passes), desc="lf", unit="pass", leave=False, disable=quiet):
            z = self.spanning(z + self._shared_step(model, images[missed], z, target))
            with torch.no_grad():
                missed = logit_gap(model((images + self.pattern(z)).clamp(0, 1)), target) >= 0
            rate = float((~missed).double().mean())  # 20 of 100 are 0.2 to the last bit
            best, best_rate, waited = (z, rate, 0) if rate > best_rate else (best, best_rate, waited + 1)
            if best_rate >= self.fooling_rate or waited == PATIENCE:
                break
        return self.pattern(best)

    def pattern(self, z: Tensor) -> Tensor:
        """What is added to an image: filter(z) from its lowest value up; of many z (n, C, H, W) likewise."""
        smooth = low_pass(z, self.sigma)
        return smooth - smooth.amin((-3, -2, -1), keepdim=True)

    def spanning(self, z: Tensor) -> Tensor:
        """Scaled so that the pattern reaches the amplitude: to clip it would bring high frequencies.

        Raises:
            UserError: the pattern is flat.
        """
        span = float(self.pattern(z).max())
        if not span:
            raise UserError(
                "attacks.lf found no pattern that leads its surrogate to the target class: train that longer "
                "(attacks.lf.surrogate.recipe.epochs), or raise attacks.lf.deepfool_steps."
            )
        return z * (self.amplitude / span)

    def _shared_step(self, model: nn.Module, images: Tensor, z: Tensor, target: int) -> Tensor:
        """The mean step of z into the half-spaces of these images, of all where DeepFool finds a way.

        Pixels may leave [0, 1] meanwhile, as in the authors' code: at its ends there is no slope to follow.
        """

        def classify(rows: Tensor, points: Tensor) -> Tensor:
            logits: Tensor = model(images[rows] + self.pattern(points))
            return logits

        found, reached = targeted_deepfool(
            classify,
            z.expand(len(images), *z.shape),
            target,
            overshoot=self.overshoot,
            max_steps=self.deepfool_steps,
        )
        return found[reached].mean(0) if reached.any() else torch.zeros_like(z)
