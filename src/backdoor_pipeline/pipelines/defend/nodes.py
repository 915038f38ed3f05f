"""The node that defends."""

from functools import partial
from typing import Any, cast

import pandas as pd

from backdoor_pipeline.attacks.poisoning import Poisoned
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.catalog import Findings
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.poisoned import overlay
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.defenses import DEFENSES, Defended, DefenderView
from backdoor_pipeline.defenses.clean_subset import draw_clean
from backdoor_pipeline.experiment.stages import DefendStage
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.pipelines.shared.attacking import new_model
from backdoor_pipeline.training import Trainer


def defend_model(
    clean: Splits,
    poison: Poisoned,
    backdoored_model: Classifier,
    stage: DefendStage,
    train_metrics: dict[str, Any],
) -> tuple[Classifier, pd.DataFrame, Findings, dict[str, Any]]:
    """Hand the defense its view, and nothing else, and let it work.

    Returns:
        The defended model; its history; what it holds against each training row, with its diagnostics; its
        metrics, with its cost in seconds and relative to the victim's training.
    """
    defending = stage.defending
    if defending.defense is None:
        return backdoored_model, _history([]), _findings(Defended(backdoored_model)), {"seconds": 0.0}
    defense = DEFENSES[defending.defense.name](**defending.defense.params)
    view = DefenderView(
        model=backdoored_model,
        train=cast(ImageSet, overlay(clean.train, poison.train)),  # or a TextSet: see `DefenderView`
        clean=cast(ImageSet, draw_clean(clean.train, defending.clean_ratio, defending.seed)),
        trainer=Trainer(stage.engine, stage.dataset.varied_by),
        seed=defending.seed,
        build=partial(new_model, stage.dataset, stage.training),
    )
    with Stopwatch() as clock:
        defended = defense.defend(view)
    cost = {
        "seconds": clock.seconds,
        "seconds_relative_to_training": clock.seconds / trained
        if (trained := train_metrics["seconds"])
        else None,
    }
    return defended.model, _history(defended.history), _findings(defended), {**defended.metrics, **cost}


def _history(rows: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows) if rows else pd.DataFrame({"epoch": pd.Series(dtype="int64")})


def _findings(defended: Defended) -> Findings:
    held = defended.suspicion
    scores, flagged = (held.scores.tolist(), held.flagged.tolist()) if held else ([], [])
    columns = {"score": pd.Series(scores, dtype="float32"), "flagged": pd.Series(flagged, dtype="bool")}
    if held and (clusters := held.clusters):
        columns["class"] = pd.Series(clusters.classes.tolist(), dtype="int64")
        columns["turned_score"] = pd.Series(clusters.turned.tolist(), dtype="float32")
    suspicion = pd.DataFrame(columns).rename_axis("index").reset_index()
    return Findings(suspicion, defended.diagnostics)
