"""What a model scores."""

from typing import Any

from torch import nn

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.api.data import image_set
from backdoor_pipeline.api.defaults import trainer_of
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.texts import TextSet
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
    """
    samples = test if isinstance(test, TextSet) else image_set(test)
    stamped = PoisonedRows.none_of(samples) if triggered is None else triggered
    return score(trainer_of(engine), model, samples, stamped)
