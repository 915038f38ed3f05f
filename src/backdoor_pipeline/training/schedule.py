"""Learning rates as a function of what is known: the recipe, the step and the losses so far.

No state is carried from step to step, so there is none to save and restore.
"""

import math
from collections.abc import Sequence

from backdoor_pipeline.training.recipe import Recipe

PLATEAU_THRESHOLD = 1e-4  # relative: a loss must fall by more than this to count as lower
PLATEAU_SMALLEST_STEP = 1e-8  # a change of the rate below this is not made


def learning_rate(recipe: Recipe, losses: Sequence[float], begun: float = 0.0) -> float:
    """The learning rate of one step.

    Args:
        recipe: names the schedule: `cosine` falls with every step, from lr at the first to nearly 0 at the
            last (Loshchilov and Hutter, 2017, equation 5, one cycle), `linear` by the same amount at each,
            from lr to 0 after the last, however few the epochs: a rate that is
            still high when training ends leaves weights and BatchNorm's statistics of different moments;
            `multistep` multiplies by gamma at every milestone, `plateau` when the training loss has not
            fallen for more than `patience` epochs; `constant` stays. With `warmup`, the rate rises from
            nearly 0 to lr over the first steps, and `cosine` and `linear` fall over the others.
        losses: the mean training loss of every epoch that is over.
        begun: the share of the next epoch's steps that are over, in [0, 1).
    """
    epochs, warmup = len(losses) + begun, (recipe.warmup or 0) * recipe.epochs
    if epochs < warmup:
        return recipe.lr * epochs / warmup
    fallen = (epochs - warmup) / (recipe.epochs - warmup)
    if recipe.schedule == "cosine":
        return recipe.lr * (1 + math.cos(math.pi * fallen)) / 2
    if recipe.schedule == "linear":
        return recipe.lr * (1 - fallen)
    if recipe.schedule == "multistep":
        passed: int = sum(milestone <= epochs for milestone in recipe.milestones)
        return float(recipe.lr * recipe.gamma**passed)
    if recipe.schedule == "plateau":
        return _plateau(recipe, losses)
    return recipe.lr


def _plateau(recipe: Recipe, losses: Sequence[float]) -> float:
    """`ReduceLROnPlateau` (mode min, relative threshold, no cooldown), replayed over all losses."""
    rate, best, waited = recipe.lr, math.inf, 0
    for loss in losses:
        if loss < best * (1 - PLATEAU_THRESHOLD):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > recipe.patience:
            lowered = rate * recipe.gamma
            rate, waited = (lowered if rate - lowered > PLATEAU_SMALLEST_STEP else rate), 0
    return rate
