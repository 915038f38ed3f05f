import math

import pandas as pd
import pytest
from helpers.results import results, row

from backdoor_pipeline.reporting.cells import to_cells


def only(cells: pd.DataFrame, **where) -> pd.Series:
    for name, value in where.items():
        cells = cells[cells[name] == value]
    assert len(cells) == 1
    return cells.iloc[0]


def test_scores_are_those_after_the_defense_in_percent() -> None:
    cell = only(to_cells(results(row(detection_tpr=0.5, rival_asr=0.25))), defense="ft")
    assert (cell["c_acc"], cell["asr"], cell["r_acc"]) == pytest.approx((90, 20, 70))
    assert (cell["der"], cell["rir"], cell["detection_tpr"]) == pytest.approx((87.5, 82.5, 50))
    assert cell["rival_asr"] == 25
    assert pd.isna(cell["cross_accuracy"])


def test_a_clean_models_scores_are_there_if_any_has_one() -> None:
    assert "asr_control" not in to_cells(results(row()))
    cells = to_cells(results(row(asr_control=0.25, clean_accuracy_control=0.9), row(attack="none")))
    assert [*cells.loc[cells["attack"] != "none", "asr_control"]] == [25, 25], "before and after the defense"
    assert cells.loc[cells["attack"] == "none", "asr_control"].isna().all()
    assert only(cells, attack="badnets", defense="ft")["c_acc_control"] == pytest.approx(90)


def test_a_victim_without_a_run_of_no_defense_gets_one_from_its_scores_before() -> None:
    cells = to_cells(results(row(), row(defense="anp")))
    assert sorted(cells["defense"]) == ["anp", "ft", "none"]
    cell = only(cells, defense="none")
    assert (cell["c_acc"], cell["asr"], cell["r_acc"]) == pytest.approx((95, 100, 0))
    assert (cell["der"], cell["rir"]) == (50, 50)
    assert math.isnan(cell["defend_seconds"])
    assert pd.isna(cell["defending.defense.params.recipe.lr"])


def test_a_run_of_no_defense_is_taken_as_it_is() -> None:
    first = row(defense="none", asr_after=0.99)
    cells = to_cells(results(row(**{"artifact.train": first["artifact.train"]}), first))
    assert only(cells, defense="none")["asr"] == pytest.approx(99)


def test_the_control_has_no_ratio_target_or_attack_scores_and_no_rate() -> None:
    control = only(to_cells(results(row(attack="none", target_label=7))), defense="ft")
    for name in ("poison_ratio", "target_label", "asr", "r_acc", "der"):
        assert pd.isna(control[name]), name
    assert control["c_acc"] == pytest.approx(90)
    undefended = only(to_cells(results(row(attack="none"))), defense="none")
    assert pd.isna(undefended["der"])


def test_of_somebody_elses_data_ratio_and_target_are_not_known() -> None:
    cell = only(to_cells(results(row(attack="imported", poison_ratio=0.1, target_label=7))), defense="ft")
    for name in ("poison_ratio", "target_label", "label_map"):
        assert pd.isna(cell[name]), name
    assert cell["asr"] == pytest.approx(20)


def test_experiments_that_differ_in_nothing_that_counts_are_one_and_the_newer_counts() -> None:
    old = row(attack="none", poison_ratio=0.1, clean_accuracy_after=0.8)
    new = row(attack="none", poison_ratio=0.01, clean_accuracy_after=0.85)
    assert only(to_cells(results(old, new)), defense="ft")["c_acc"] == pytest.approx(85)


def test_a_stale_victim_does_not_outlive_the_newer_run_of_the_same_experiment() -> None:
    stale = row(asr_before=0.5, **{"artifact.train": "digits/stale", "artifact.evaluate": "digits/stale"})
    fresh = row(asr_before=0.75, **{"artifact.train": "digits/fresh", "artifact.evaluate": "digits/fresh"})
    assert only(to_cells(results(stale, fresh)), defense="none")["asr"] == pytest.approx(75)


def test_an_attackers_own_recipe_counts_as_the_attacks() -> None:
    cells = to_cells(
        results(
            row(attack="wanet", **{"poisoning.attack.params.training.lr": 0.01, "training.recipe.lr": 0.01}),
            row(),
        )
    )
    assert cells.loc[cells["attack"] == "wanet", "training.recipe.lr"].isna().all()
    assert (cells.loc[cells["attack"] == "badnets", "training.recipe.lr"] == 0.05).all()


def test_a_table_of_controls_alone_lacks_whole_columns() -> None:
    made = row(attack="none")
    bare = {name: value for name, value in made.items() if value is not None}
    cell = only(to_cells(results(bare)), defense="ft")
    assert math.isnan(cell["asr"])
    assert cell["c_acc"] == pytest.approx(90)
