"""What a model scores."""

from typing import Any

from torch import nn

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.api.checks import see_that_they_are_rows, see_that_they_look_alike
from backdoor_pipeline.api.data import samples_of
from backdoor_pipeline.api.defaults import trainer_of
from backdoor_pipeline.api.fitting import see_that_it_answers
from backdoor_pipeline.base.errors import UserError, quoted
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.metrics import accuracy
from backdoor_pipeline.metrics.accuracy import Scores
from backdoor_pipeline.training import Engine


def evaluate(
    model: nn.Module, test: Any, triggered: PoisonedRows | None = None, *, engine: Engine | None = None
) -> Scores:
    """C-Acc on clean test samples; ASR and R-Acc on triggered ones, if there are any.

    Args:
        model: of float images in [0, 1], or of texts.
        test: the clean test set, in any form that `image_set` takes, or a `TextSet`.
        triggered: `poison(...).test`, or `poisoned_dataset(".../test.parquet").rows`.
        engine: how to run.

    Returns:
        Fractions; None where there is nothing triggered.

    Raises:
        UserError: the model does not take such samples, or the triggered ones are none of theirs.
    """
    samples, trainer = samples_of(test), trainer_of(engine)
    stamped = PoisonedRows.none_of(samples) if triggered is None else triggered
    see_that_they_are_rows(stamped)
    see_that_they_look_alike(stamped, samples, "triggered samples", "test samples")
    see_that_it_answers(trainer, model, samples, stamped.labels)
    return score(trainer, model, samples, stamped)


def defense_effectiveness(before: Scores, after: Scores) -> float | None:
    """DER: how far ASR falls, less how far C-Acc does, in 0..1; None without an attack.

    Args:
        before: of the victim's model, from `evaluate`.
        after: of the defended one.

    Raises:
        UserError: one is not what `evaluate` returns.
    """
    for given in (before, after):
        if not isinstance(given, Scores):
            raise UserError(f"{quoted(given)} has no scores: give what evaluate(...) returns.")
    return accuracy.defense_effectiveness(before, after)
