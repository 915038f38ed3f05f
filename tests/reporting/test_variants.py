import pytest
from helpers.results import grid, results, row

from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.summary import summarize
from backdoor_pipeline.reporting.variants import SETTING, with_variants

ALPHA, SIZE, LR = (
    "poisoning.attack.params.alpha",
    "poisoning.attack.params.patch_size",
    "defending.defense.params.recipe.lr",
)


def labels(frame, column):
    return with_variants(to_cells(frame)).groupby("attack")[column].agg(lambda texts: sorted(set(texts)))


def test_what_was_not_varied_has_no_label_even_if_methods_and_data_sets_differ() -> None:
    made = results(
        row(attack="blended"), row(), row(dataset="gtsrb", **{LR: 0.01, "training.recipe.epochs": 100})
    )
    cells = with_variants(to_cells(made))
    for name in ("attack_variant", "defense_variant", "protocol"):
        assert set(cells[name]) == {""}, name


def test_variants_of_equal_standing_are_all_named() -> None:
    made = grid(attack=["blended"], **{ALPHA: [0.1, 0.2]})
    assert labels(made, "attack_variant")["blended"] == ["alpha=0.1", "alpha=0.2"]


def test_the_usual_one_keeps_its_plain_name_and_others_say_where_they_differ() -> None:
    usual = grid(attack=["blended"], seed=[0, 1], **{ALPHA: [0.2]}).to_dict("records")
    other = row(attack="blended", target_label=3, **{ALPHA: 0.1})
    assert labels(results(*usual, other), "attack_variant")["blended"] == ["", "target_label=3, alpha=0.1"]


def test_a_parameter_of_one_attack_leaves_the_others_unnamed() -> None:
    made = results(row(attack="blended", **{ALPHA: 0.1}), row(attack="blended", **{ALPHA: 0.2}), row())
    assert labels(made, "attack_variant")["badnets"] == [""]


def test_defenses_and_trainings_are_told_apart_too() -> None:
    made = grid(**{LR: [0.01, 0.1]}, **{"training.recipe.epochs": [5, 20]})
    cells = with_variants(to_cells(made))
    defended = cells[cells["defense"] == "ft"]
    assert sorted(set(defended["defense_variant"])) == ["recipe.lr=0.01", "recipe.lr=0.1"]
    assert sorted(set(cells["protocol"])) == ["epochs=20", "epochs=5"]


@pytest.mark.parametrize(
    ("attack", "column"),
    [
        ("blended", "poisoning.attack.params.image"),
        ("badnets", "defending.defense.params.folder"),
        ("badnets", "training.options.pretrained"),
        ("imported", "poisoning.imported.data"),
    ],
)
def test_one_file_is_no_variant_of_itself_however_its_path_was_typed(
    attack: str, column: str, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = row(attack=attack, seed=0, **{column: "its/place"})
    absolute = row(attack=attack, seed=1, **{column: str(tmp_path / "its/place")})
    cells = with_variants(to_cells(results(typed, absolute)))
    assert summarize(cells)["defense"].value_counts().to_dict() == {"ft": 1, "none": 1}
    assert set(cells[cells["defense"] == "ft"][column]) == {"its/place"}
    elsewhere = row(attack=attack, seed=1, **{column: "/elsewhere/place"})
    other = summarize(with_variants(to_cells(results(typed, elsewhere))))
    assert other["defense"].value_counts()["ft"] == 2


def test_means_are_over_seeds_alone() -> None:
    made = results(
        *(row(seed=seed, asr_after=asr, **{LR: 0.03}) for seed, asr in ((0, 0.1), (1, 0.2), (2, 0.6))),
        row(asr_after=0.9, **{LR: 0.3}),
    )
    settings = summarize(with_variants(to_cells(made)))
    assert not settings.duplicated(SETTING).any()
    defended = settings[settings["defense"] == "ft"].set_index("defense_variant")
    usual, other = defended.loc[""], defended.loc["recipe.lr=0.3"]
    assert (usual["n"], usual["asr_mean"]) == (3, pytest.approx(30))
    assert usual["asr_std"] == pytest.approx(26.457513)  # sqrt((20^2 + 10^2 + 30^2) / 2)
    assert (other["n"], other["asr_mean"]) == (1, pytest.approx(90))
    assert other["asr_std"] != other["asr_std"], "of one seed there is no standard deviation"


@pytest.mark.parametrize("name", ["training.recipe.clip_norm", "training.recipe.warmup"])
@pytest.mark.parametrize("usual", [0.05, None])
def test_what_a_recipe_leaves_out_is_told_apart_from_what_it_has(name, usual) -> None:
    def made(value, **given):
        return row(defense="none", **given, **({} if value is None else {name: value}))

    other = None if usual else 0.05
    rows = [made(usual, seed=0, asr_after=1.0), made(usual, seed=1, asr_after=0.5)]
    settings = summarize(with_variants(to_cells(results(*rows, made(other, seed=0, asr_after=0.25)))))
    found = settings.set_index("protocol")
    short = name.replace(".recipe", "")
    assert found["n"].to_dict() == {"": 2, f"{short}={other or 'null'}": 1}
    assert found.loc["", "asr_mean"] == pytest.approx(75)


def test_an_attackers_own_schedule_is_no_label_of_its_training() -> None:
    own, name, clip = (
        "poisoning.attack.params.training.gamma", "training.recipe.gamma", "training.recipe.clip_norm",
    )  # fmt: skip
    usual = grid(seed=[0, 1], **{name: [0.1], clip: [1.0]}).to_dict("records")
    theirs = [row(attack="wanet", **{own: 0.3, name: 0.3, clip: value}) for value in (1.0, None)]
    made = results(*usual, row(**{name: 0.5, clip: 1.0}), *theirs)
    found = labels(made, "protocol")
    assert found["badnets"] == ["", "training.gamma=0.5"]
    assert found["wanet"] == ["", "training.clip_norm=null"]


def test_imported_data_sets_are_experiments_of_their_own_named_briefly() -> None:
    column, folder = "poisoning.imported.data", "data/02_poisoned/imported"
    made = results(
        *(row(attack="imported", asr_after=asr, **{column: f"{folder}/{name}"})
          for name, asr in (("theirs", 0.9), ("others", 0.1))),
        row(),
    )  # fmt: skip
    settings = summarize(with_variants(to_cells(made)))
    defended = settings[settings["defense"] == "ft"].set_index(["attack", "attack_variant"])
    assert defended["n"].tolist() == [1, 1, 1]
    assert defended["asr_mean"].to_dict() == pytest.approx(
        {("badnets", ""): 20, ("imported", "data=others"): 10, ("imported", "data=theirs"): 90}
    )


def test_of_folders_of_one_name_the_whole_paths_are_told() -> None:
    made = results(*(row(attack="imported", **{"poisoning.imported.data": one}) for one in ("a/x", "b/x")))
    assert labels(made, "attack_variant")["imported"] == ["data=a/x", "data=b/x"]


def test_where_a_data_set_lies_makes_no_other_experiment() -> None:
    """As older records say, and newer ones do not."""
    made = results(row(**{"dataset.options.folder": "/mnt/digits"}), row(seed=1))
    assert set(labels(made, "protocol")["badnets"]) == {""}
