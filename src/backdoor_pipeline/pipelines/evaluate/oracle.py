"""What each model that a defense could have chosen would have achieved: knowledge that no defender has."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pandas as pd
import torch

from backdoor_pipeline.analysis.scoring import score, to_scores
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.data.samples import SampleSet
from backdoor_pipeline.defenses.diagnostics import Candidates
from backdoor_pipeline.metrics.accuracy import Scores, defense_effectiveness
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.features import penultimate
from backdoor_pipeline.training import Trainer

COLUMNS = ("setting", "value", "chosen", "clean_accuracy", "asr", "robust_accuracy", "der")


def score_candidates(
    trainer: Trainer,
    suspect: Classifier,
    candidates: Candidates | None,
    clean: SampleSet,
    triggered: PoisonedRows,
    before: Scores,
) -> pd.DataFrame:
    """One row per candidate, with its scores on the test sets; none without candidates."""
    rows = []
    if candidates:
        model = deepcopy(suspect)
        in_the_head = all(name.startswith("head.") for changed in candidates.weights for name in changed)
        scores = (_head_scorer if in_the_head else _scorer)(trainer, suspect, clean, triggered)
        for i, (value, changed) in enumerate(zip(candidates.values, candidates.weights, strict=True)):
            model.load_state_dict({**suspect.state_dict(), **changed})
            after = scores(model)
            told = {"setting": candidates.setting, "value": value, "chosen": i == candidates.chosen}
            rows.append({**told, **after.model_dump(), "der": defense_effectiveness(before, after)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _scorer(
    trainer: Trainer, _suspect: Classifier, clean: SampleSet, triggered: PoisonedRows
) -> Callable[[Classifier], Scores]:
    return lambda model: score(trainer, model, clean, triggered)


def _head_scorer(
    trainer: Trainer, suspect: Classifier, clean: SampleSet, triggered: PoisonedRows
) -> Callable[[Classifier], Scores]:
    """For models that differ from the suspect in the head only: the images go through the rest once."""
    seen, stamped = (penultimate(trainer, suspect, data.inputs) for data in (clean, triggered))

    @torch.inference_mode()
    def scores(model: Classifier) -> Scores:
        answers, stamped_answers = (model.head(features).argmax(1) for features in (seen, stamped))
        return to_scores(answers, clean.labels, stamped_answers, triggered)

    return scores


def oracle(scored: pd.DataFrame) -> dict[str, Any]:
    """The candidate with the highest DER on test data: how published numbers were often selected."""
    if scored.empty or scored["der"].isna().all():
        return {}
    best = scored.sort_values("der", ascending=False, kind="stable").iloc[0]
    names = ("value", "clean_accuracy", "asr", "robust_accuracy", "der")
    return {f"oracle_{name}": float(best[name]) for name in names}
