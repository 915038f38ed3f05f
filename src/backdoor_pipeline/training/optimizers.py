"""The optimizers of one training: one for the model, one more for each part that has a recipe of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.training.recipe import Recipe
from backdoor_pipeline.training.schedule import learning_rate


@dataclass(frozen=True, slots=True)
class Optimizers:
    """Optimizers that share a loss.

    Attributes:
        each: every optimizer with the recipe of its learning rates; the model's own comes first.
    """

    each: Sequence[tuple[torch.optim.Optimizer, Recipe]]

    @classmethod
    def of(cls, model: nn.Module, recipe: Recipe, parts: Mapping[str, Recipe]) -> Self:
        """The optimizers over all weights that are not frozen.

        Args:
            model: any.
            recipe: of what is in no part.
            parts: recipes of submodules, by name.
        """
        submodules = [(model.get_submodule(name), part) for name, part in parts.items()]
        theirs = {weight for submodule, _ in submodules for weight in submodule.parameters()}
        own = [weight for weight in model.parameters() if weight not in theirs]
        groups = [(own, recipe)] + [(list(submodule.parameters()), part) for submodule, part in submodules]
        return cls([(build_optimizer(weights, one), one) for weights, one in groups])

    def set_learning_rates(self, losses: Sequence[float], begun: float = 0.0) -> None:
        """Set every rate for one step.

        The rates are plain numbers, which the kernels take by value: no device is waited for, and nothing is
        compiled anew, since only the model is compiled.

        Args:
            losses: of the epochs that are over; see `learning_rate`.
            begun: the share of the next epoch's steps that are over.
        """
        for optimizer, recipe in self.each:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, losses, begun)

    def descend(self, loss: Tensor) -> None:
        """One step down the loss."""
        for optimizer, _ in self.each:
            optimizer.zero_grad()
        loss.backward()
        for optimizer, recipe in self.each:
            if recipe.clip_norm is not None:
                torch.nn.utils.clip_grad_norm_(_weights(optimizer), recipe.clip_norm)
            optimizer.step()


def _weights(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]


def build_optimizer(weights: Sequence[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over those of the weights that are not frozen.

    Raises:
        UserError: all are.
    """
    weights = [weight for weight in weights if weight.requires_grad]
    if not weights:
        raise UserError("all weights of what is to be trained are frozen: set their requires_grad.")
    fused = True if weights[0].is_cuda else None  # one kernel for all; on a CPU it gains nothing
    if recipe.optimizer == "adam":
        return torch.optim.Adam(
            weights, recipe.lr, recipe.betas, weight_decay=recipe.weight_decay, fused=fused
        )
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(
            weights, recipe.lr, recipe.betas, weight_decay=recipe.weight_decay, fused=fused
        )
    return torch.optim.SGD(weights, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay, fused=fused)
