"""Scores have one short name each; seconds lie apart; curves have a point per epoch."""

import pandas as pd

from backdoor_pipeline.hooks.metric_names import curves, stage_metrics


def test_scores_are_found_at_the_top_by_one_name_each() -> None:
    found = {
        "clean_accuracy_before": 0.9,
        "asr_after": 0.1,
        "robust_accuracy_after": 0.8,
        "der": 0.9,
        "rir": 1.0,
    }
    names = [name for name, _ in stage_metrics("evaluate", found)]
    assert names == ["asr", "r_acc", "der", "c_acc_before", "evaluate/rir"]


def test_a_victims_scores_are_those_before_the_defense() -> None:
    names = [name for name, _ in stage_metrics("train", {"loss": 0.1, "seconds": 1.0, "asr": 0.9})]
    assert names == ["asr_before", "train/loss", "seconds/train"]


def test_a_controls_scores_stand_beside_the_victims() -> None:
    found = {"clean_accuracy_control": 0.9, "asr_control": 0.25, "seconds": 1.0}
    names = [name for name, _ in stage_metrics("evaluate_control", found)]
    assert names == ["c_acc_control", "asr_control", "seconds/evaluate_control"]


def test_seconds_lie_together() -> None:
    names = [
        name for name, _ in stage_metrics("defend", {"seconds": 1.0, "seconds_relative_to_training": 0.1})
    ]
    assert names == ["seconds/defend", "seconds/defend_relative_to_training"]


def test_curves_have_a_point_per_epoch_and_column() -> None:
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, 0.25], "asr": [None, 1.0], "seconds": [3.0, 4.0]})
    points = curves("train", history)
    assert ("train_epochs/loss", 0.25, 2) in points
    assert ("asr_before", 1.0, 2) in points
    assert ("seconds/train_epochs", 4.0, 2) in points
    assert len(points) == 6


def test_what_is_noted_by_the_way_is_no_curve() -> None:
    assert curves("train", pd.DataFrame({"epoch": [1], "watched_gsnr": [1.0]})) == []


def test_a_stage_without_epochs_has_none() -> None:
    assert curves("prepare", pd.DataFrame({"epoch": []})) == []
