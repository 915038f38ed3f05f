"""The recipe common to all trainings, under what blocks of parameters say of their own."""

from typing import Any, ClassVar

import pytest
from helpers.parameters import change
from pydantic import BaseModel

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses import DEFENSES, Defended, DefenderView, Defense
from backdoor_pipeline.experiment.recipes import spelled_out, with_recipes
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.training import Recipe

COMMON = {"lr": None, "momentum": 0.9}


class Phase(BaseModel):
    share: float
    recipe: Recipe


class Search(BaseModel):
    steps: int
    phase: Phase


class Deep(BaseModel):
    search: Search
    plain: Recipe
    maybe: Recipe | None = None
    nullable: Recipe | None
    several: tuple[Recipe, ...] = ()
    views: dict[str, float]


class Outside(Defense):
    """A defense of another package."""

    name: ClassVar[str] = "outside"

    recipe: Recipe

    def defend(self, view: DefenderView) -> Defended:
        return Defended(view.model)


@pytest.fixture
def outside(monkeypatch) -> None:
    monkeypatch.setitem(DEFENSES._methods, "outside", Outside)


def recipe_of(experiment: Experiment, *path: str) -> dict[str, Any]:
    """A recipe of the defense."""
    assert experiment.defending.defense is not None
    found = experiment.defending.defense.params
    for part in path:
        found = found[part]
    return found


def test_recipes_are_filled_at_any_depth_named_or_not() -> None:
    block = {"search": {"phase": {"share": 0.5, "recipe": {"lr": 0.1}}}, "views": {}}
    filled = with_recipes(Deep, block, COMMON)
    assert filled == {
        "search": {"phase": {"share": 0.5, "recipe": {"lr": 0.1, "momentum": 0.9}}},
        "plain": COMMON,
        "views": {},
    }
    assert block["search"] == {"phase": {"share": 0.5, "recipe": {"lr": 0.1}}}, "what is given stays as it is"
    assert with_recipes(Deep, {}, COMMON) == {"search": {"phase": {"recipe": COMMON}}, "plain": COMMON}


def test_what_may_be_left_out_or_null_stays_so_but_is_filled_if_named() -> None:
    filled = with_recipes(Deep, {"maybe": {"lr": 0.1}, "nullable": None, "plain": None}, COMMON)
    assert filled["maybe"] == {"lr": 0.1, "momentum": 0.9}
    assert filled["nullable"] is None
    assert filled["plain"] == COMMON, "`plain:` with nothing below it"
    assert with_recipes(Deep, {"plain": 3}, COMMON)["plain"] == 3, "for Pydantic to refuse"


@pytest.mark.parametrize(
    ("defense", "path"),
    [
        ("ft", ("recipe",)),
        ("nc", ("unlearning", "recipe")),
        ("fp", ("recipe",)),
        ("nad", ("student",)),
        ("ac", ("recipe",)),
        ("spectral", ("recipe",)),
    ],
)
def test_every_defenses_recipe_is_the_common_one_with_its_budget(params, defense, path) -> None:
    budget = params["datasets"]["digits"]["budget"]
    given = {key: value for key, value in params["recipe"].items() if value is not None}
    kind = "training" if defense in ("ac", "spectral") else "defending"
    expected = {**given, **params["budget"][kind], **budget[kind], **budget.get(defense, {})}
    found = recipe_of(resolve(change(params, defense=defense)), *path)
    assert found == Recipe.model_validate(expected).model_dump(mode="json")


def test_a_block_says_what_differs(params) -> None:
    experiment = resolve(change(params, defense="nad"))
    assert recipe_of(experiment, "teacher") == {**recipe_of(experiment, "student"), "epochs": 10}


def test_the_common_recipe_can_be_overridden_and_goes_before_the_budget(params) -> None:
    changed = change(params, recipe__lr=0.02, recipe__momentum=0.5, recipe__epochs=4)
    experiment = resolve(change(changed, attack="lc"))
    surrogate = experiment.preparing.settings["recipe"]
    for recipe in (experiment.training.recipe.model_dump(), recipe_of(experiment, "recipe"), surrogate):
        assert (recipe["lr"], recipe["momentum"], recipe["epochs"]) == (0.02, 0.5, 4)


def test_a_block_of_its_own_goes_before_the_common_recipe(params) -> None:
    changed = change(params, recipe__lr=0.02, recipe__epochs=4, training__lr=0.3, epochs=5)
    experiment = resolve(change(changed, defenses__ft__recipe__lr=0.4, defenses__ft__recipe__epochs=None))
    assert (experiment.training.recipe.lr, experiment.training.recipe.epochs) == (0.3, 5)
    assert recipe_of(experiment, "recipe")["lr"] == 0.4
    budget = params["datasets"]["digits"]["budget"]["defending"]
    assert recipe_of(experiment, "recipe")["epochs"] == budget["epochs"], "a null is the budget's"


def test_the_victims_epochs_may_stand_in_its_recipe(params) -> None:
    assert resolve(change(params, training__epochs=3)).training.recipe.epochs == 3
    assert resolve(change(params, training__epochs=3, epochs=2)).training.recipe.epochs == 2


@pytest.mark.parametrize("block", [None, {}, {"recipe": {}}, {"recipe": None}, {"recipe": {"epochs": 2}}])
def test_a_method_of_another_package_needs_to_say_nothing(params, outside, block) -> None:
    changed = change(params, defense="outside")
    if block is not None:
        changed["defenses"]["outside"] = block
    changed["datasets"]["digits"]["budget"]["outside"] = {"lr": 0.123}
    recipe = recipe_of(resolve(changed), "recipe")
    assert recipe["epochs"] == (2 if block and block.get("recipe") else 100)
    assert recipe["lr"] == 0.123
    assert recipe["weight_decay"] == params["budget"]["defending"]["weight_decay"]


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ({"recipe__lrr": 3}, r"unknown parameter 'recipe\.lrr': did you mean 'lr'"),
        ({"recipe__lrr": None}, r"unknown parameter 'recipe\.lrr'"),
        ({"recipe__lr": "fast"}, r"recipe\.lr is 'fast', which won't do"),
        ({"recipe": 3}, r"'recipe' must be a table"),
        ({"training__lr": -1, "attack": "none"}, r"training\.lr is -1"),
        ({"training__schedule": "step", "attack": "wanet"}, r"training\.schedule is 'step'"),
        ({"defenses__ft__recipe__epoch": 3}, r"'defenses\.ft\.recipe\.epoch': did you mean 'epochs'"),
        ({"defenses__nad__teacher__lrr": 3}, r"'defenses\.nad\.teacher\.lrr': did you mean 'lr'"),
        (
            {"defenses__nc__unlearning__recipe__epoch": 3},
            r"'defenses\.nc\.unlearning\.recipe\.epoch': did you mean 'epochs'",
        ),
        (
            {"attacks__lc__surrogate__recipe__gama": 3},
            r"'attacks\.lc\.surrogate\.recipe\.gama': did you mean 'gamma'",
        ),
        ({"defenses__ft__recipe": 3}, r"defenses\.ft\.recipe is 3"),
        ({"defenses__ft": 3}, r"'defenses\.ft' must be a table"),
        ({"models__vgg19": 3}, r"'models\.vgg19' must be a table"),
        ({"datasets__mnist": 3}, r"'datasets\.mnist' must be a table"),
        ({"datasets__mnist__budget": 3}, r"'datasets\.mnist\.budget' must be a table"),
        ({"datasets__mnist__budget__ft": 3}, r"'datasets\.mnist\.budget\.ft' must be a table"),
        (
            {"datasets__mnist__budget__ft": {"epoch": 3}},
            r"unknown parameter of datasets\.mnist\.budget\.ft 'epoch': did you mean 'epochs'",
        ),
        (
            {"datasets__mnist__budget__training__patient": 3},
            r"unknown parameter of datasets\.mnist\.budget\.training 'patient': did you mean 'patience'",
        ),
        (
            {"datasets__mnist__budget__attacking__optimiser": "adam"},
            r"unknown parameter of datasets\.mnist\.budget\.attacking 'optimiser': did you mean 'optimizer'",
        ),
        (
            {"datasets__mnist__budget__ft": {"recipe": {"lr": 1}}},
            r"unknown parameter of datasets\.mnist\.budget\.ft 'recipe'",
        ),
    ],
)
def test_what_is_misspelt_is_told(params, paths, sentence) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        resolve(change(params, **paths))
    assert "\n" not in str(caught.value)


def test_everything_spelled_out_has_every_dotted_name(params, outside) -> None:
    whole = spelled_out(params)
    recipe = set(Recipe.model_fields)
    assert set(whole["training"]) == set(whole["defenses"]["nc"]["unlearning"]["recipe"]) == recipe
    assert set(whole["defenses"]["outside"]["recipe"]) == recipe
    assert whole["defenses"]["nad"]["teacher"]["epochs"] == 10
    assert params["training"] == {}
