"""The node that defends."""

from typing import Any

import pandas as pd

from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import PoisonedRows, overlay
from backdoor_pipeline.data.spec import DatasetSpec
from backdoor_pipeline.defenses import DEFENSES, Defended, DefenderView
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.defenses.diagnostics import Diagnostics
from backdoor_pipeline.experiment.specs import Defending
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.training import Engine, Trainer


def defend_model(
    clean_train: ImageSet,
    poisoned_train: PoisonedRows,
    backdoored_model: Classifier,
    dataset: DatasetSpec,
    defending: Defending,
    engine: Engine,
    train_metrics: dict[str, Any],
) -> tuple[Classifier, pd.DataFrame, pd.DataFrame, Diagnostics, dict[str, Any]]:
    """Hand the defense its view, and nothing else, and let it work.

    Returns:
        The defended model; its history; what it holds against each training row; its diagnostics; its
        metrics, with its cost in seconds and relative to the victim's training.
    """
    if defending.defense is None:
        nothing = Defended(backdoored_model)
        return backdoored_model, _history([]), _suspicion(nothing), nothing.diagnostics, {"seconds": 0.0}
    defense = DEFENSES[defending.defense.name](**defending.defense.params)
    view = DefenderView(
        model=backdoored_model,
        train=overlay(clean_train, poisoned_train),
        clean=draw_clean(clean_train, defending.clean_ratio, defending.seed),
        trainer=Trainer(engine, dataset.augmentation),
        seed=defending.seed,
    )
    with Stopwatch() as clock:
        defended = defense.defend(view)
    cost = {
        "seconds": clock.seconds,
        "seconds_relative_to_training": clock.seconds / train_metrics["seconds"],
    }
    metrics = {**defended.metrics, **cost}
    return defended.model, _history(defended.history), _suspicion(defended), defended.diagnostics, metrics


def _history(rows: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame({"epoch": pd.Series(dtype="int64")})


def _suspicion(defended: Defended) -> pd.DataFrame:
    held = defended.suspicion
    scores, flagged = (held.scores.tolist(), held.flagged.tolist()) if held else ([], [])
    columns = {"score": pd.Series(scores, dtype="float32"), "flagged": pd.Series(flagged, dtype="bool")}
    return pd.DataFrame(columns).rename_axis("index").reset_index()
