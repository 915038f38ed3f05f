"""Learning rates as a function of what is known: the recipe, the epoch and the losses so far.

No state is carried from epoch to epoch, so there is none to save and restore.
"""

import math
from collections.abc import Sequence

from backdoor_pipeline.training.recipe import Recipe

PLATEAU_THRESHOLD = 1e-4  # relative: a loss must fall by more than this to count as lower
PLATEAU_SMALLEST_STEP = 1e-8  # a change of the rate below this is not made


def learning_rate(recipe: Recipe, losses: Sequence[float]) -> float:
    """The learning rate of the next epoch.

    Args:
        recipe: names the schedule: `cosine` falls from lr to 0 over the epochs (Loshchilov and Hutter, 2017,
            one cycle, stepped per epoch), `multistep` multiplies by gamma at every milestone, `plateau`
            multiplies by gamma when the training loss has not fallen for more than `patience` epochs,
            `constant` stays.
        losses: the mean training loss of every epoch so far; the next epoch's number is their count.
    """
    epoch = len(losses)
    if recipe.schedule == "cosine":
        return recipe.lr * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
    if recipe.schedule == "multistep":
        passed: int = sum(milestone <= epoch for milestone in recipe.milestones)
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
