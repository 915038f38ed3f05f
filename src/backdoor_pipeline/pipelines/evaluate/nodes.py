"""The node that knows the truth: what the attack achieved and what the defense mended."""

from typing import Any

import pandas as pd
import torch

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.defenses.diagnostics import Diagnostics
from backdoor_pipeline.metrics.accuracy import Scores, defense_effectiveness, robust_improvement
from backdoor_pipeline.metrics.detection import detection
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.evaluate.oracle import oracle, score_candidates
from backdoor_pipeline.pipelines.scoring import prediction_frame, to_scores
from backdoor_pipeline.timing import Stopwatch
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
    predicted, scores = {}, {}
    with Stopwatch() as clock:
        for when, model in (("before", backdoored_model), ("after", defended_model)):
            predicted[when] = (
                trainer.predict(model, clean_test.images),
                trainer.predict(model, poisoned_test.images),
            )
            scores[when] = to_scores(predicted[when][0], clean_test.labels, predicted[when][1], poisoned_test)
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
