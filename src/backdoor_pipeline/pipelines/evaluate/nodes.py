"""The node that knows the truth: what the attack achieved and what the defense mended."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from backdoor_pipeline.analysis.scoring import prediction_frame, to_scores
from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.catalog import Findings
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.experiment.stages import EvaluateStage
from backdoor_pipeline.metrics.accuracy import Scores, defense_effectiveness, robust_improvement
from backdoor_pipeline.metrics.detection import best_orientation_auc, detection
from backdoor_pipeline.models.classifier import Classifier, same_weights
from backdoor_pipeline.pipelines.evaluate.oracle import oracle, score_candidates
from backdoor_pipeline.training import Trainer


def evaluate_models(
    clean: Splits,
    poison: Poisoned,
    backdoored_model: Classifier,
    defended_model: Classifier,
    findings: Findings,
    stage: EvaluateStage,
) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Score the model before and after the defense, and the defense's suspicion against the true poison.

    Returns:
        Metrics (fractions; None where a metric is undefined); every prediction on both test sets; what the
        models between which the defense chose would have scored.
    """
    trainer, tests = Trainer(stage.engine, stage.dataset.varied_by), (clean.test, poison.test)
    with Stopwatch() as clock:
        before = after = _predict(trainer, backdoored_model, *tests)
        if not same_weights(backdoored_model, defended_model):
            after = _predict(trainer, defended_model, *tests)
        predicted = {"before": before, "after": after}
        scores = {
            when: to_scores(untouched, clean.test.labels, triggered, poison.test)
            for when, (untouched, triggered) in predicted.items()
        }
        candidates = findings.diagnostics.candidates
        scored = score_candidates(trainer, backdoored_model, candidates, *tests, scores["before"])
    metrics = {
        **_comparison(scores["before"], scores["after"]),
        **oracle(scored),
        **_detection(findings.suspicion, poison.train),
        "seconds": clock.seconds,
    }
    return metrics, prediction_frame(clean.test, poison.test, **predicted), scored


def _predict(
    trainer: Trainer, model: Classifier, clean: SampleSet, triggered: PoisonedRows
) -> tuple[Tensor, Tensor]:
    return trainer.predict(model, clean.inputs), trainer.predict(model, triggered.inputs)


def _comparison(before: Scores, after: Scores) -> dict[str, float | None]:
    return {
        **{f"{name}_before": value for name, value in before.model_dump().items()},
        **{f"{name}_after": value for name, value in after.model_dump().items()},
        "der": defense_effectiveness(before, after),
        "rir": robust_improvement(before, after),
    }


def _detection(suspicion: pd.DataFrame, poisoned_train: PoisonedRows) -> dict[str, float | None]:
    """Detection rates over poisoned and untouched rows; cross rows, and unknown ones, count as neither."""
    if suspicion.empty:  # of a defense that blames no rows
        return {}
    neither = poisoned_train.mask(len(suspicion), "cross") | poisoned_train.mask(len(suspicion), "unknown")
    if neither.all():
        return {}
    counted = ~neither
    poisoned = poisoned_train.mask(len(suspicion))[counted]
    told = {name: torch.from_numpy(suspicion[name].to_numpy().copy())[counted] for name in suspicion}
    rates = detection(told["flagged"], poisoned, told["score"])
    if "turned_score" in told:
        clusters = told["class"], told["turned_score"]
        rates["auc_best_orientation"] = best_orientation_auc(poisoned, told["score"], *clusters)
    return {f"detection_{name}": value for name, value in rates.items()}
