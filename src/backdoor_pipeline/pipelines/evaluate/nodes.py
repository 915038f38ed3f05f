"""The node that knows the truth: what the attack achieved and what the defense mended."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.defenses.diagnostics import Diagnostics
from backdoor_pipeline.metrics.accuracy import Scores, defense_effectiveness, robust_improvement
from backdoor_pipeline.metrics.detection import detection
from backdoor_pipeline.models.classifier import Classifier, same_weights
from backdoor_pipeline.pipelines.evaluate.oracle import oracle, score_candidates
from backdoor_pipeline.pipelines.shared.scoring import prediction_frame, to_scores
from backdoor_pipeline.training import Engine, Trainer


def evaluate_models(
    clean_test: ImageSet,
    poisoned_train: PoisonedRows,
    poisoned_test: PoisonedRows,
    backdoored_model: Classifier,
    defended_model: Classifier,
    suspicion: pd.DataFrame,
    diagnostics: Diagnostics,
    dataset: DatasetSpec,
    engine: Engine,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Score the model before and after the defense, and the defense's suspicion against the true poison.

    Returns:
        Metrics (fractions; None where a metric is undefined); every prediction on both test sets; what the
        models between which the defense chose would have scored.
    """
    trainer = Trainer(engine, dataset.augmentation)
    with Stopwatch() as clock:
        before = after = _predict(trainer, backdoored_model, clean_test, poisoned_test)
        if not same_weights(backdoored_model, defended_model):
            after = _predict(trainer, defended_model, clean_test, poisoned_test)
        predicted = {"before": before, "after": after}
        scores = {
            when: to_scores(clean, clean_test.labels, triggered, poisoned_test)
            for when, (clean, triggered) in predicted.items()
        }
        candidates = diagnostics.candidates
        scored = score_candidates(
            trainer, backdoored_model, candidates, clean_test, poisoned_test, scores["before"]
        )
    metrics = {
        **_comparison(scores["before"], scores["after"]),
        **oracle(scored),
        **_detection(suspicion, poisoned_train),
        "seconds": clock.seconds,
    }
    return metrics, prediction_frame(clean_test, poisoned_test, **predicted), scored


def _predict(
    trainer: Trainer, model: Classifier, clean: ImageSet, triggered: PoisonedRows
) -> tuple[Tensor, Tensor]:
    return trainer.predict(model, clean.images), trainer.predict(model, triggered.images)


def _comparison(before: Scores, after: Scores) -> dict[str, float | None]:
    return {
        **{f"{name}_before": value for name, value in before.model_dump().items()},
        **{f"{name}_after": value for name, value in after.model_dump().items()},
        "der": defense_effectiveness(before, after),
        "rir": robust_improvement(before, after),
    }


def _detection(suspicion: pd.DataFrame, poisoned_train: PoisonedRows) -> dict[str, float | None]:
    """Detection rates over poisoned and untouched rows; cross rows count as neither."""
    if suspicion.empty:
        return {}
    counted = ~poisoned_train.mask(len(suspicion), role="cross")
    rates = detection(
        torch.from_numpy(suspicion["flagged"].to_numpy().copy())[counted],
        poisoned_train.mask(len(suspicion))[counted],
        torch.from_numpy(suspicion["score"].to_numpy().copy())[counted],
    )
    return {f"detection_{name}": value for name, value in rates.items()}
