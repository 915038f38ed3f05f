import pytest
from helpers.results import grid, results, row

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.columns import Parameter, names_of, text
from backdoor_pipeline.reporting.filters import matching

ALPHA = "poisoning.attack.params.alpha"


@pytest.fixture
def cells():
    return to_cells(
        results(
            *grid(dataset=["digits", "gtsrb"], seed=[0, 1]).to_dict("records"),
            row(attack="none"),
            row(attack="blended", **{ALPHA: 0.1}),
            row(attack="blended", **{ALPHA: 0.2}),
        )
    )


def test_one_value_or_one_of_several(cells) -> None:
    assert set(matching(cells, {"dataset": "gtsrb"})["dataset"]) == {"gtsrb"}
    assert set(matching(cells, {"seed": [1]})["seed"]) == {1}
    assert set(matching(cells, {"attack": ["none", "badnets"]})["attack"]) == {"none", "badnets"}
    assert len(matching(cells, {})) == len(cells)


def test_a_methods_parameter_chooses_among_its_own_results(cells) -> None:
    left = matching(cells, {"attacks.blended.alpha": 0.1})
    assert set(left["attack"]) == {"badnets", "blended", "none"}
    assert set(left.loc[left["attack"] == "blended", ALPHA]) == {0.1}


def test_the_control_has_no_ratio_to_be_chosen_by(cells) -> None:
    assert "none" in set(matching(cells, {"poison_ratio": 0.1})["attack"])


def test_a_file_is_found_however_its_path_is_typed(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    image = "poisoning.attack.params.image"
    made = to_cells(
        results(
            row(attack="blended", **{image: f"{tmp_path}/cat.png"}),
            row(attack="blended", **{image: "dog.png"}),
        )
    )
    for typed in ("cat.png", f"{tmp_path}/cat.png"):
        assert set(matching(made, {"attacks.blended.image": typed})[image]) == {"cat.png"}


def test_an_imported_set_is_found_however_its_path_is_typed(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = "poisoning.imported.data"
    ways = ("sets/theirs", "sets/theirs/", "./sets/theirs", f"{tmp_path}/sets/../sets/theirs")
    made = to_cells(
        results(*(row(attack="imported", seed=seed, **{data: way}) for seed, way in enumerate(ways)))
    )
    for way in ways:
        found = matching(made, {"imported.data": way})
        assert set(found["seed"]) == {0, 1, 2, 3}
        assert set(found[data]) == {"sets/theirs"}


def test_null_is_a_value(cells) -> None:
    assert len(matching(cells, {"train_images": None})) == len(cells)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ({"dataset": "mnist"}, "no result has dataset=mnist: there are digits, gtsrb"),
        ({"seeds": 1}, "unknown parameter of the results 'seeds': did you mean 'seed'?"),
        ({"attacks.blended.alpah": 1}, "did you mean 'attacks.blended.alpha'?"),
        ({"dataset": "digits", "seed": 7}, "no result has seed=7: there are 0, 1"),
    ],
)
def test_what_is_not_there_is_said(cells, where, sentence) -> None:
    with pytest.raises(UserError) as error:
        matching(cells, where)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("name", "column", "of"),
    [
        ("attacks.blended.alpha", ALPHA, ("attack", "blended")),
        ("defenses.ft.recipe.lr", "defending.defense.params.recipe.lr", ("defense", "ft")),
        ("models.vgg19.pretrained", "training.options.pretrained", ("model", "vgg19")),
        ("datasets.digits.image_size", "dataset.image_size", ("dataset", "digits")),
        ("training.lr", "training.recipe.lr", None),
        ("epochs", "training.recipe.epochs", None),
        ("clean_ratio", "clean_ratio", None),
        ("imported.data", "poisoning.imported.data", ("attack", "imported")),
    ],
)  # fmt: skip
def test_users_names_and_columns(name, column, of) -> None:
    assert Parameter.named(name) == Parameter(name, column, of)


def test_a_column_is_called_by_every_method_that_has_it(cells) -> None:
    assert names_of(ALPHA, cells) == ["attacks.blended.alpha"]
    assert names_of("training.recipe.epochs", cells) == ["epochs"]


def test_equal_values_are_equal_texts() -> None:
    assert text(0.1) == text("0.1") == text("1e-1") == "0.1"
    assert text(5) == text(5.0) == "5"
    assert (text(True), text(None), text(float("nan")), text("size")) == ("true", "null", "null", "size")


def test_imported_data_are_chosen_by_the_name_that_they_are_given_by() -> None:
    column = "poisoning.imported.data"
    made = to_cells(results(*(row(attack="imported", **{column: one}) for one in ("a", "b")), row()))
    assert names_of(column, made) == ["imported.data"]
    left = matching(made, {"imported.data": "b"})
    assert set(left["attack"]) == {"badnets", "imported"}
    assert set(left.loc[left["attack"] == "imported", column]) == {"b"}


def test_an_attackers_own_schedule_is_not_chosen_by_the_victims() -> None:
    own = {"attack": "wanet", "poisoning.attack.params.training.gamma": 0.3, "training.recipe.gamma": 0.3}
    made = to_cells(results(row(**own), *grid(**{"training.recipe.gamma": [0.1, 0.5]}).to_dict("records")))
    left = matching(made, {"training.gamma": 0.5})
    assert set(left["attack"]) == {"badnets", "wanet"}
    assert set(left.loc[left["attack"] == "badnets", "training.recipe.gamma"]) == {0.5}
