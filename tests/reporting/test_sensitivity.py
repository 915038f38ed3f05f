import json
from itertools import pairwise

import pytest
from helpers.results import grid, results, row

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.sensitivity import logarithmic, sensitivity, sweep_table

SIZE, LR = "poisoning.attack.params.patch_size", "defending.defense.params.recipe.lr"


def test_a_sweep_is_found_and_averaged_over_seeds() -> None:
    made = results(
        row(seed=0, asr_after=0.1, **{LR: 0.01}), row(seed=1, asr_after=0.3, **{LR: 0.01}),
        row(seed=0, asr_after=0.5, **{LR: 0.1}),
    )  # fmt: skip
    table = sweep_table(to_cells(made), None)
    assert set(table["parameter"]) == {"defenses.ft.recipe.lr"}
    assert table["value"].tolist() == [0.01, 0.1]
    assert table["n"].tolist() == [2, 1]
    assert table["asr_mean"].tolist() == pytest.approx([20, 50])
    assert table["asr_std"].tolist()[0] == pytest.approx(14.142136)


def test_an_attacks_parameter_is_swept_under_each_defense() -> None:
    table = sweep_table(to_cells(grid(defense=["ft", "anp"], **{SIZE: [1, 3, 5]})), None)
    assert set(table["parameter"]) == {"attacks.badnets.patch_size"}
    assert sorted(set(table["defense"])) == ["anp", "ft", "none"]
    assert table.groupby("defense")["value"].apply(list)["anp"] == [1, 3, 5]
    assert set(table["attack_variant"]) == {""}, "what is swept is no variant of its own sweep"


def test_two_things_changed_at_once_are_no_sweep() -> None:
    cells = to_cells(results(row(**{LR: 0.01, "clean_ratio": 0.05}), row(**{LR: 0.1, "clean_ratio": 0.1})))
    assert sweep_table(cells, None).empty


def test_budgets_that_differ_between_data_sets_are_no_sweep() -> None:
    cells = to_cells(results(row(**{LR: 0.01}), row(dataset="gtsrb", **{LR: 0.1})))
    figure = sensitivity(cells, None)
    assert figure.table.empty
    assert "No two results" in json.dumps(figure.plotly)


def test_a_choice_written_down_twice_is_one() -> None:
    made = results(
        *(row(**{SIZE: value, "poisoning.attack.params.width": value, "seed": 0}) for value in (3, 5))
    )
    table = sweep_table(to_cells(made), "attacks.badnets.patch_size")
    assert table.loc[table["defense"] == "ft", "value"].tolist() == [3, 5]


def test_words_and_null_are_values_too() -> None:
    column = "defending.defense.params.rule"
    table = sweep_table(to_cells(grid(defense=["ac"], **{column: ["size", None]})), "defenses.ac.rule")
    assert table["value"].tolist() == ["null", "size"]


def test_numbers_are_in_order_where_words_are_among_them() -> None:
    column = "defending.defense.params.allowed_cost"
    made = grid(defense=["abl"], model=["resnet8", "vgg19"], **{column: [10, None, 2, 100]})
    table = sweep_table(to_cells(made), "defenses.abl.allowed_cost")
    assert table["value"].tolist() == ["2", "10", "100", "null"] * 2
    assert table["model"].tolist() == ["resnet8"] * 4 + ["vgg19"] * 4


def test_the_ratio_can_be_asked_for() -> None:
    table = sweep_table(to_cells(grid(poison_ratio=[0.01, 0.1])), "poison_ratio")
    assert sorted(set(table["value"])) == [0.01, 0.1]


def test_what_was_named_must_have_been_swept() -> None:
    cells = to_cells(grid(seed=[0, 1]))
    with pytest.raises(UserError, match=r"kedro sweep --grid defenses\.ft\.recipe\.lr=VALUE"):
        sweep_table(cells, "defenses.ft.recipe.lr")
    with pytest.raises(UserError, match=r"did you mean 'defenses\.ft\.recipe\.lr'"):
        sweep_table(cells, "defenses.ft.recipe.rl")


def test_the_figure_shows_the_six_with_the_most_values_and_the_undefended_first() -> None:
    names = [f"poisoning.attack.params.p{number}" for number in range(8)]
    base = dict.fromkeys(names, 0)
    rows = [row(**base)]
    for number, name in enumerate(names):
        rows += [row(**{**base, name: value}) for value in range(1, number + 2)]
    figure = sensitivity(to_cells(results(*rows)), None)
    assert "6 of 8" in figure.title
    assert figure.table["parameter"].nunique() == 8
    layout = json.loads(json.dumps(figure.plotly, allow_nan=False))["layout"]
    shown = [layout[f"xaxis{panel}"]["title"]["text"] for panel in range(1, 7)]
    assert shown == [f"attacks.badnets.p{number}" for number in (7, 6, 5, 4, 3, 2)]
    assert "no defense" in layout["annotations"][0]["text"]
    assert figure.png[1:4] == b"PNG"


@pytest.mark.parametrize(("values", "log"), [([0.001, 0.1], True), ([1, 10], False), ([0, 100], False)])
def test_far_apart_values_get_a_logarithmic_axis(values, log) -> None:
    assert logarithmic(values) == log


def test_an_attackers_own_schedule_has_no_part_in_a_sweep_of_the_victims() -> None:
    own = {"attack": "wanet", "poisoning.attack.params.training.gamma": 0.3, "training.recipe.gamma": 0.3}
    swept = grid(**{"training.recipe.gamma": [0.1, 0.5]}).to_dict("records")
    table = sweep_table(to_cells(results(row(**own), *swept)), "training.gamma")
    assert table["value"].tolist() == [0.1, 0.5] * 2, "numbers, of FT and of no defense"


@pytest.mark.parametrize("name", ["dataset", "model", "attack", "defense", "seed"])
def test_what_says_which_experiment_it_is_is_no_hyper_parameter(name) -> None:
    values = {"seed": [0, 1], "attack": ["badnets", "blended"], "defense": ["ft", "none"]}
    made = grid(**{name: values.get(name, ["digits", "resnet20"])}, **{LR: [0.01, 0.1]})
    with pytest.raises(UserError, match=rf"report\.sensitivity: {name} .* --params {name}=VALUE\.$"):
        sensitivity(to_cells(made), name)


def test_imported_data_are_no_hyper_parameter() -> None:
    made = results(*(row(attack="imported", **{"poisoning.imported.data": one}) for one in ("a/x", "a/y")))
    assert sweep_table(to_cells(made), None).empty
    with pytest.raises(UserError, match=r"imported\.data says which experiment it is"):
        sweep_table(to_cells(made), "imported.data")


def test_values_below_the_axis_do_not_overlap() -> None:
    rule, lr, count = (f"defending.defense.params.{name}" for name in ("rule", "lr", "count"))
    usual = {rule: "size", lr: 0.0001, count: 1}
    swept = [{rule: value} for value in ("silhouette", "trusted", "reclassification")]
    swept += [{lr: value} for value in (0.00001, 0.00015, 0.01)]
    swept += [{count: value} for value in (2, 3, 4, 100, 102)]
    rows = [row(defense="ac", **{**usual, **one}) for one in ({}, *swept)]
    canvas = sensitivity(to_cells(results(*rows)), None).drawn.canvas
    canvas.draw_without_rendering()
    assert len(canvas.axes) == 3
    for axes in canvas.axes:
        labels = [tick.label1 for tick in axes.xaxis.get_major_ticks()]
        assert len(labels) >= 3
        level = [label.get_window_extent() for label in labels if not label.get_rotation()]
        assert all(left.x1 < right.x0 for left, right in pairwise(level))
