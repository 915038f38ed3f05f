"""SSBA: a secret in each image (Li et al., Invisible Backdoor Attack with Sample-Specific Triggers, 2021)."""

import logging
import math
from copy import deepcopy
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import Attack, AttackEnv
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.steganography import Encoder, Steganography
from backdoor_pipeline.attacks.parts.steganography_loss import SteganographyLoss
from backdoor_pipeline.attacks.parts.stored import LEVELS
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.seeds import derive_seed, generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.metrics.stealth import stealth
from backdoor_pipeline.training import Recipe, Trainer
from backdoor_pipeline.training.hosting import hosted, seeded

logger = logging.getLogger(__name__)

ROUNDS = 20  # at least, that the steps are in: at the end of each there is progress to tell, and a checkpoint
HELD_OUT = 1000  # test images, at most, that the networks are measured on
PIXELS_AT_ONCE = 2**20  # of the images stamped at a time: bounds the memory of the encoder's maps
RIVALS = 5
READABLE = 0.9  # of the bits: below, the training has failed


class SSBATrigger(Trigger):
    """Adds to every image the residual in which the encoder hides the secret there.

    Args:
        channels: C of the images.
        bits: length of the secret.
        width: of the encoder.
    """

    secret: Tensor

    def __init__(self, channels: int, bits: int, width: int) -> None:
        super().__init__(channels=channels, bits=bits, width=width)
        self.encoder = Encoder(channels, bits, width).requires_grad_(False)
        self.register_buffer("secret", torch.zeros(bits))

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return hide(self.encoder, images, self.secret.expand(len(images), -1))


@torch.no_grad()
def hide(encoder: Encoder, images: Tensor, bits: Tensor) -> Tensor:
    """Stamped images.

    Args:
        encoder: on the images' device.
        images: uint8, (N, C, H, W).
        bits: float32, (N, B), each 0 or 1.

    Returns:
        uint8, (N, C, H, W).
    """
    size = max(1, PIXELS_AT_ONCE // (images.shape[-2] * images.shape[-1]))
    stamped = [images[:0]]
    for chunk, hidden in zip(images.split(size), bits.split(size), strict=True):
        clean = chunk.float() / LEVELS
        changed = (clean + encoder(clean, hidden)) * LEVELS
        stamped.append(changed.round().clamp(0, LEVELS).to(torch.uint8))
    return torch.cat(stamped)


class SSBA(Attack):
    """A U-Net, trained with a decoder that reads the bits back, hides one secret in all poisoned images.

    The paper hides 100 bits in 224 x 224 pixels. The residual's energy grows with their number, and 32 x 32
    pixels have a fiftieth of the room: 20 bits leave it hardly visible there.
    """

    name: ClassVar[str] = "ssba"
    trigger_type: ClassVar[type[Trigger]] = SSBATrigger
    networks_type: ClassVar[type[Networks]] = Steganography

    bits: int = Field(ge=1, le=256)
    noise: float = Field(ge=0, le=1)
    image_weight: float = Field(ge=0, allow_inf_nan=False)
    perceptual_weight: float = Field(ge=0, allow_inf_nan=False)
    likeness_weight: float = Field(ge=0, allow_inf_nan=False)
    ramp: float = Field(ge=0, le=1)  # share of the steps
    width: int = Field(ge=1, le=256)
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    lr: float = Field(gt=0, allow_inf_nan=False)  # of Adam; falls along a cosine
    seed: int = Field(ge=0)  # the networks' own: they serve every seed of an experiment

    def preparation(self) -> Preparation:
        """See `Attack.preparation`: every field shapes the networks."""
        return Preparation("ssba-encoder", self.model_dump(mode="json"), self.revision)

    def prepare(self, train: ImageSet, test: ImageSet, env: AttackEnv) -> Prepared:
        """Train encoder and decoder; the metrics are those of `measure`."""
        with seeded(derive_seed(self.seed, "ssba", "init"), torch.device("cpu")):
            networks = Steganography(train.image_shape[0], self.bits, self.width)
        steps = min(math.ceil(self.steps / ROUNDS), math.ceil(len(train) / self.batch_size))  # of a round
        history = env.trainer.fit(
            networks,
            train,
            self._recipe(math.ceil(self.steps / steps)),
            steps=steps,
            seed=self.seed,
            purpose="ssba-encoder",
            objective=self._loss(),
            augment=False,
            checkpoint=env.checkpoint,
        )
        metrics = self.measure(networks, test, env.trainer)
        if metrics["bit_accuracy"] < READABLE:
            logger.warning(
                "ssba: the decoder reads only %.0f %% of the bits, so the trigger hardly carries the secret: "
                "raise attacks.ssba.steps, or lower attacks.ssba.bits.",
                100 * metrics["bit_accuracy"],
            )
        return Prepared(networks, history, metrics)

    def craft(self, train: ImageSet, env: AttackEnv) -> SSBATrigger:  # noqa: ARG002
        """One secret, drawn for the experiment, hidden by the prepared encoder."""
        networks = env.prepared.networks
        assert isinstance(networks, Steganography)
        trigger = SSBATrigger(**networks.config)
        trigger.encoder.load_state_dict(networks.encoder.state_dict())
        draws = generator(env.seed, "ssba", "secret")
        trigger.secret.copy_(torch.randint(0, 2, (self.bits,), generator=draws))
        return trigger

    def rivals(self, trigger: Trigger, env: AttackEnv) -> list[SSBATrigger]:
        """See `Attack.rivals`: the same encoder hides other secrets, each once; of one bit there is one."""
        assert isinstance(trigger, SSBATrigger)
        draws = generator(env.seed, "ssba", "rivals")
        others: list[SSBATrigger] = []
        known = {tuple(trigger.secret.tolist())}
        while len(others) < min(RIVALS, 2**self.bits - 1):
            secret = torch.randint(0, 2, (self.bits,), generator=draws)
            if tuple(secret.tolist()) not in known:
                known.add(tuple(secret.tolist()))
                others.append(deepcopy(trigger))
                others[-1].secret.copy_(secret)
        return others

    def measure(self, networks: Steganography, test: ImageSet, trainer: Trainer) -> dict[str, float]:
        """What becomes of random bits in images not trained on, stored as uint8.

        Returns:
            `bit_accuracy`, 0 to 1; `psnr` in dB (missing if no image changed) and `ssim`, as in `stealth`.
        """
        draws = generator(self.seed, "ssba", "held-out")
        images = test.images[torch.randperm(len(test), generator=draws)[:HELD_OUT]]
        bits = torch.randint(0, 2, (len(images), self.bits), generator=draws)
        with hosted(networks.encoder, trainer.device, training=False):
            device = trainer.device
            stamped = hide(networks.encoder, images.to(device), bits.float().to(device)).cpu()
        read = trainer.logits(networks.decoder, stamped) > 0
        seen = stealth(images, stamped)
        visible = {name: value for name in ("psnr", "ssim") if (value := seen[name]) is not None}
        return {"bit_accuracy": float((read == bits.bool()).float().mean()), **visible}

    def _recipe(self, rounds: int) -> Recipe:
        return Recipe(
            epochs=rounds,
            batch_size=self.batch_size,
            optimizer="adam",
            lr=self.lr,
            momentum=0,
            betas=(0.9, 0.999),
            weight_decay=0,
            schedule="cosine",
            milestones=(),
            gamma=1,
            patience=0,
        )

    def _loss(self) -> SteganographyLoss:
        return SteganographyLoss(
            bits=self.bits,
            noise=self.noise,
            image_weight=self.image_weight,
            perceptual_weight=self.perceptual_weight,
            likeness_weight=self.likeness_weight,
            ramp=round(self.ramp * self.steps),
        )
