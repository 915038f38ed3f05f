from helpers.results import grid, results, row

from backdoor_pipeline.reporting import heat_map, tables
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.summary import drawn, slices, summarize, with_labels
from backdoor_pipeline.reporting.variants import with_variants

BY = ["dataset", "model", "protocol", "poison_ratio"]


def settings(frame):
    return summarize(with_variants(to_cells(frame)))


def test_the_fullest_slice_comes_first_and_has_its_control() -> None:
    made = results(
        *grid(dataset=["gtsrb"], defense=["ft", "anp"]).to_dict("records"),
        row(poison_ratio=0.01),
        row(dataset="gtsrb", attack="none"),
        row(attack="none"),
    )
    first, second = slices(settings(made), BY)
    assert first.name == "gtsrb, resnet8, 10% poisoned"
    assert sorted(first.cells["defender"]) == ["anp", "ft", "none"]
    assert set(first.control["dataset"]) == {"gtsrb"}
    assert second.name == "digits, resnet8, 1% poisoned"


def test_of_equally_full_slices_the_higher_ratio_comes_first() -> None:
    names = [one.name for one in slices(settings(grid(poison_ratio=[0.01, 0.1])), BY)]
    assert names == ["digits, resnet8, 10% poisoned", "digits, resnet8, 1% poisoned"]


def test_what_has_no_known_ratio_is_a_slice_that_says_so() -> None:
    frame = results(row(), row(attack="imported"), row(attack="imported", defense="anp"), row(attack="none"))
    most, other = slices(settings(frame), ["dataset", "poison_ratio"])
    assert (most.name, other.name) == ("digits, ratio unknown", "digits, 10% poisoned")
    assert {*most.cells["attack"]} == {"imported"}
    assert len(most.control)


def test_a_comparison_keeps_what_can_be_compared() -> None:
    made = results(
        *grid(dataset=["digits", "gtsrb"]).to_dict("records"), row(defense="anp"), row(poison_ratio=0.01)
    )
    by = ["model", "protocol", "poison_ratio"]
    (only,) = slices(settings(made), by, "dataset")
    assert sorted(set(only.cells["defender"])) == ["ft", "none"]
    assert sorted(set(only.cells["dataset"])) == ["digits", "gtsrb"]
    assert slices(settings(grid(seed=[0, 1])), by, "dataset") == []


def test_a_few_cells_of_a_sweep_are_not_drawn_and_variants_run_alike_are() -> None:
    size = "poisoning.attack.params.patch_size"
    wide = grid(defense=["ft", "anp", "fp", "nc"], **{size: [3]}).to_dict("records")
    made = with_labels(settings(results(*wide, row(**{size: 5}))))
    assert set(made["attacker"]) == {"badnets", "badnets (patch_size=5)"}
    assert set(drawn(made)["attacker"]) == {"badnets"}
    alike = with_labels(settings(grid(defense=["ft", "anp"], **{size: [3, 5]})))
    assert set(drawn(alike)["attacker"]) == {"badnets (patch_size=3)", "badnets (patch_size=5)"}


LR = "defending.defense.params.recipe.lr"


def test_variants_that_are_not_drawn_do_not_come_back_with_the_control() -> None:
    wide = grid(attack=["badnets", "blended", "sig", "lf", "none"], defense=["ft", "none"]).to_dict("records")
    rates = (0.1, 0.2, 0.3)
    swept = [row(**{LR: rate}) for rate in rates]
    (plain,) = slices(settings(results(*wide, *swept)), BY)
    for more in ([], swept):
        controls = [row(attack="none", **{LR: rate}) for rate in rates]
        (only,) = slices(settings(results(*wide, *more, *controls)), BY)
        assert sorted(only.control["defender"]) == sorted(plain.control["defender"]) == ["ft", "none"]
        for matrix in (heat_map.Matrix(only).columns, tables.Matrix(only).defenders):
            assert matrix == ["none", "ft"]


def test_a_defense_of_the_control_alone_stays_with_it() -> None:
    (only,) = slices(settings(results(row(), row(attack="none"), row(attack="none", defense="anp"))), BY)
    assert sorted(only.control["defender"]) == ["anp", "ft", "none"]
