"""What follows on finding poisoned rows: a new model, trained without them."""

import logging

from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import History, Recipe

MUCH = 0.25  # of the training set: a defender who removes more should know it

logger = logging.getLogger(__name__)


def removal(flagged: Tensor, purpose: str) -> dict[str, float]:
    """Metrics of what is removed; a warning if that is much.

    Args:
        flagged: bool, (N,), rows of the training set.
        purpose: the defense.
    """
    removed, total = int(flagged.sum()), len(flagged)
    if removed > MUCH * total:
        logger.warning("%s removes %.0f %% of the training set", purpose, 100 * removed / total)
    return {"rows_removed": float(removed), "removed_share": removed / total}


def retrain_without(
    flagged: Tensor, view: DefenderView, recipe: Recipe, purpose: str
) -> tuple[Classifier, History]:
    """A new model of the suspect's architecture, trained on the rows that are not flagged.

    Args:
        flagged: bool, (N,), rows of the training set.
        view: whose training set, architecture, engine and seed are used.
        recipe: of the training.
        purpose: the defense; another name gives other random numbers.

    Returns:
        The model and its history.

    Raises:
        UserError: all rows are flagged.
    """
    if flagged.all():
        raise UserError(
            f"{purpose} suspects all {len(flagged):,} training samples: none is left to train on."
        )
    model = view.new_model(derive_seed(view.seed, purpose, "weights"))
    kept = view.train.subset((~flagged).nonzero().squeeze(1))
    history = view.trainer.fit(model, kept, recipe, seed=view.seed, purpose=f"{purpose} retraining")
    return model.eval(), history
