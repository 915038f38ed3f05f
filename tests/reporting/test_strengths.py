"""Strength in training against strength at test, over experiments."""

import json

import pandas as pd
import pytest
from helpers.results import results, row

from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.strengths import strength_matrix, strength_table

ALPHA = "poisoning.attack.params.alpha"


def experiment(number: int, alpha: float, seed: int = 0, **changes):
    names = {"artifact.train": f"digits/t{number}", "artifact.evaluate": f"digits/e{number}"}
    return row(attack="blended", seed=seed, **{ALPHA: alpha}, **names, **changes)


def measured(number: int, trained: float, asr: dict[float, float], model: str = "before") -> pd.DataFrame:
    rows = [("the key's share", trained, at, model, 4, value, 0.0) for at, value in asr.items()]
    columns = ["strength_of", "trained", "strength", "model", "images", "asr", "robust_accuracy"]
    return pd.DataFrame(rows, columns=columns).assign(**{"artifact.evaluate": f"digits/e{number}"})


def test_means_over_seeds_of_victims_before_any_defense() -> None:
    cells = to_cells(
        results(
            experiment(1, 0.1), experiment(2, 0.1, seed=1), experiment(3, 0.3), experiment(4, 0.3, seed=1)
        )
    )
    strengths = pd.concat(
        [
            measured(1, 0.1, {0.1: 1.0, 0.3: 1.0}),
            measured(2, 0.1, {0.1: 0.5, 0.3: 1.0}),
            measured(3, 0.3, {0.1: 0.25, 0.3: 1.0, 0.4: 1.0}),
            measured(3, 0.3, {0.1: 0.0}, model="after"),
            measured(9, 0.2, {0.1: 0.0}),  # not among the results asked for
        ]
    )
    table = strength_table(cells, strengths).set_index(["trained", "strength"])
    assert table["asr_mean"].to_dict() == {
        (0.1, 0.1): 75, (0.1, 0.3): 100, (0.3, 0.1): 25, (0.3, 0.3): 100, (0.3, 0.4): 100,
    }  # fmt: skip
    assert table.loc[(0.1, 0.1), "asr_std"] == pytest.approx(50 * 0.5**0.5)
    assert table["n"].tolist() == [2, 2, 1, 1, 1]
    figure = strength_matrix(cells, strengths)
    (trace,) = figure.plotly["data"]
    assert (trace["x"], trace["y"]) == (["0.1", "0.3", "0.4"], ["0.1", "0.3"])
    assert trace["z"] == [[75, 100, None], [25, 100, 100]]
    json.dumps(figure.plotly, allow_nan=False)


def test_a_victim_counts_once_however_many_defenses_it_was_given() -> None:
    twice = experiment(5, 0.1, defense="ft") | {"artifact.train": "digits/t1"}
    cells = to_cells(results(experiment(1, 0.1), twice, experiment(3, 0.3)))
    same = [measured(number, 0.1, {0.1: 1.0}) for number in (1, 5)]
    table = strength_table(cells, pd.concat([*same, measured(3, 0.3, {0.1: 0.0})]))
    assert table["n"].tolist() == [1, 1]


def test_one_strength_in_training_is_nothing_to_compare() -> None:
    cells = to_cells(results(experiment(1, 0.1)))
    figure = strength_matrix(cells, measured(1, 0.1, {0.1: 1.0, 0.2: 1.0}))
    assert figure.table.empty
    assert "two strengths" in figure.plotly["layout"]["annotations"][0]["text"]


def test_what_differs_otherwise_is_not_mixed() -> None:
    cells = to_cells(results(experiment(1, 0.1), experiment(2, 0.3, poison_ratio=0.01)))
    strengths = pd.concat([measured(1, 0.1, {0.1: 1.0}), measured(2, 0.3, {0.1: 0.0})])
    assert strength_table(cells, strengths).empty


def test_panels_of_several_models_are_named_by_them() -> None:
    other = {"model": "resnet20"}
    one = [experiment(1, 0.1), experiment(2, 0.3)]
    cells = to_cells(results(*one, experiment(3, 0.1, **other), experiment(4, 0.3, **other)))
    strengths = pd.concat(
        [measured(number, trained, {0.1: 1.0}) for number, trained in enumerate((0.1, 0.3) * 2, 1)]
    )
    titles = [axes.get_title() for axes in strength_matrix(cells, strengths).drawn.canvas.axes]
    assert titles == ["blended, digits, resnet20, 10%", "blended, digits, resnet8, 10%"]
    (alone,) = strength_matrix(to_cells(results(*one)), strengths).drawn.canvas.axes
    assert alone.get_title() == "blended, digits, 10%"
