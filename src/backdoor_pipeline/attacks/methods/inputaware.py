"""Input-aware: a trigger for each image, which works on no other (Nguyen and Tran, NeurIPS 2020)."""

from copy import deepcopy
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.control import CrossSampledAttack, Schedule, Victim, spared
from backdoor_pipeline.attacks.networks import Networks, Preparation, Prepared
from backdoor_pipeline.attacks.parts.inputaware_loss import JointLoss, MaskLoss
from backdoor_pipeline.attacks.parts.inputaware_networks import InputAwareNetworks, InputAwareTrigger
from backdoor_pipeline.attacks.trigger import Trigger
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.samples import some_rows
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History, Recipe
from backdoor_pipeline.training.hosting import seeded
from backdoor_pipeline.training.progress import aside
from backdoor_pipeline.training.recipe import Beta

SAMPLE = 2048  # test images on which the masks' density is measured


class AdamSchedule(Schedule):
    """How a network of the attacker's own is trained: by Adam, without weight decay."""

    lr: float = Field(gt=0, allow_inf_nan=False)
    betas: tuple[Beta, Beta]

    def recipe(self, like: Recipe, epochs: int) -> Recipe:
        """The recipe for so many epochs; batch size and patience are those of `like`."""
        common = {"batch_size": like.batch_size, "patience": like.patience}
        return Recipe(
            epochs=epochs, optimizer="adam", momentum=0, weight_decay=0, **common, **self.model_dump()
        )


class InputAware(CrossSampledAttack):
    """Each image has its own pattern p(x) and mask m(x); poisoned, it becomes x + (p(x) - x) m(x).

    First the masks are learned alone, to differ and to be small; then the generator of patterns and the
    classifier together, under one loss. Cross samples carry another image's pattern and mask and keep their
    labels, so that the backdoor opens to an image's own trigger only. The joint training has as many epochs
    as any other attack's; those of the masks come on top.
    """

    name: ClassVar[str] = "inputaware"
    trigger_type: ClassVar[type[Trigger]] = InputAwareTrigger
    networks_type: ClassVar[type[Networks]] = InputAwareNetworks

    mask: AdamSchedule
    generator: AdamSchedule
    mask_epochs: int = Field(ge=1)
    mask_density: float = Field(gt=0, lt=1)  # share of an image that its mask may cover
    lambda_norm: float = Field(ge=0, allow_inf_nan=False)  # weight of the density that exceeds it
    lambda_div: float = Field(ge=0, allow_inf_nan=False)  # weight of the diversity losses
    width: int = Field(ge=1)  # channels of the generators' outermost layers
    depth: int = Field(ge=1)  # how often the generators halve the image

    def preparation(self) -> Preparation:
        """See `Attack.preparation`."""
        return Preparation(self.name, self.model_dump(mode="json"))

    def prepare_for(self, train: ImageSet, test: ImageSet, victim: Victim, env: AttackEnv) -> Prepared:
        """See `TrainingControlledAttack.prepare_for`: masks first, then patterns and classifier together.

        Returns:
            The networks; the history of the joint training; `mask_density` (mean over test images),
            `mask_loss` and `mask_seconds`.
        """
        networks = self._networks(victim.build(), env)
        with aside():
            masking = self._train_mask(networks, train, victim, env)
        history = self._train_jointly(networks, train, victim, env)
        masks = env.trainer.logits(networks.mask, test.images[some_rows(len(test), SAMPLE)])
        metrics = {
            "mask_density": float(masks.mean()),
            "mask_loss": masking[-1]["loss"],
            "mask_seconds": sum(row["seconds"] for row in masking),
        }
        return Prepared(networks, history, metrics)

    def craft(self, train: ImageSet, env: AttackEnv) -> InputAwareTrigger:  # noqa: ARG002
        """See `Attack.craft`."""
        return _prepared(env).trigger()

    def cross(self, images: Tensor, trigger: Trigger, draws: torch.Generator) -> Tensor:
        """See `CrossSampledAttack.cross`: with the trigger of another of these images, each lent once.

        A lone image gets that of itself upside down.
        """
        assert isinstance(trigger, InputAwareTrigger)
        if len(images) == 1:
            return trigger.lend(images, images.flip(2))
        order = torch.randperm(len(images), generator=draws, device=images.device)
        lenders = torch.empty_like(order)
        lenders[order] = order.roll(1)  # one ring through all of them: none lends to itself
        return trigger.lend(images, images[lenders])

    def train(
        self,
        data: ImageSet,  # noqa: ARG002
        trigger: Trigger,  # noqa: ARG002
        victim: Victim,  # noqa: ARG002
        env: AttackEnv,
    ) -> tuple[Classifier, History]:
        """See `TrainingControlledAttack.train`; that was done together with the generator."""
        return deepcopy(_prepared(env).classifier), list(env.prepared.history)

    def _networks(self, model: Classifier, env: AttackEnv) -> InputAwareNetworks:
        with seeded(derive_seed(env.seed, self.name, "init"), torch.device("cpu")):
            networks = InputAwareNetworks(model.description.model_dump(mode="json"), self.width, self.depth)
        networks.classifier.load_state_dict(model.state_dict())
        return networks

    def _train_mask(
        self, networks: InputAwareNetworks, data: ImageSet, victim: Victim, env: AttackEnv
    ) -> History:
        return env.trainer.fit(
            networks.mask,
            data,
            self.mask.recipe(victim.recipe, self.mask_epochs),
            seed=env.seed,
            purpose="mask",
            objective=MaskLoss(self.mask_density, self.lambda_norm, self.lambda_div),
            checkpoint=victim.checkpoint and victim.checkpoint.with_name("mask.safetensors"),
        )

    def _train_jointly(
        self, networks: InputAwareNetworks, data: ImageSet, victim: Victim, env: AttackEnv
    ) -> History:
        networks.mask.requires_grad_(False)
        return env.trainer.fit(
            networks,
            data,
            victim.recipe,
            seed=env.seed,
            purpose="train",
            objective=JointLoss(len(data), env, self.cross_ratio, self.lambda_div, spared(data.labels, env)),
            parts={"generator": self.generator.recipe(victim.recipe, victim.recipe.epochs)},
            on_epoch=lambda epoch, _: victim.watch(epoch, networks.classifier, networks.trigger()),
            observer=victim.observer,
            checkpoint=victim.checkpoint,
        )


def _prepared(env: AttackEnv) -> InputAwareNetworks:
    networks = env.prepared.networks
    assert isinstance(networks, InputAwareNetworks)
    return networks
