"""Where nulls take their values."""

import pytest
from helpers import own_pictures
from helpers.parameters import change, image_methods

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.budget import Budget
from backdoor_pipeline.experiment.resolve import resolve

COMMON = {
    "training": {"epochs": 100, "lr": 0.1},
    "attacking": {"model": "large"},
    "defending": {"epochs": 50},
    "anp": {"lr": 0.2},
}
PARAMS = {"epochs": None, "lr": None, "model": None, "given": 7, "inner": {"epochs": None, "lr": 3}}


def test_a_methods_own_value_goes_before_that_of_its_kind_at_any_depth() -> None:
    filled = Budget.of(COMMON, {}).fill(PARAMS, "anp", "defending")
    assert filled == {"epochs": 50, "lr": 0.2, "model": None, "given": 7, "inner": {"epochs": 50, "lr": 3}}


def test_a_data_sets_values_go_before_the_common_ones_name_by_name() -> None:
    budget = Budget.of(COMMON, {"training": {"epochs": 5}, "anp": {"lr": None}, "nc": {"lr": 4}})
    assert budget.fill(PARAMS, "training", "training")["epochs"] == 5
    assert budget.fill(PARAMS, "training", "training")["lr"] == 0.1
    assert budget.fill(PARAMS, "anp", "defending")["lr"] is None, "a null takes the common value back"
    assert budget.fill(PARAMS, "nc", "defending")["lr"] == 4


def test_an_attackers_surrogate_is_trained_as_the_model_unless_it_is_said_otherwise() -> None:
    budget = Budget.of(COMMON, {"training": {"epochs": 5}, "attacking": {"lr": 0.3}})
    filled = budget.fill(PARAMS, "lc", "attacking")
    assert (filled["epochs"], filled["lr"], filled["model"]) == (5, 0.3, "large")
    assert budget.fill(PARAMS, "ft", "defending")["epochs"] == 50, "a defense's training is another matter"


@pytest.mark.parametrize("own", [{}, {"budget": {}}, {"budget": {"training": {"epochs": 5}}}])
def test_own_data_need_no_budget_whatever_the_method(params, own) -> None:
    birds = own_pictures.block(num_classes=20, **own)
    changed = change(params, dataset="birds", datasets__birds=birds, model="preactresnet18")
    epochs = 5 if own.get("budget") else params["budget"]["training"]["epochs"]
    for attack in image_methods(ATTACKS):
        experiment = resolve({**changed, "attack": attack, "poison_ratio": 0.01})
        assert experiment.training.recipe.epochs == epochs, attack
        if attack == "lc":
            assert experiment.poisoning.attack.params["surrogate"]["recipe"]["epochs"] == epochs
    for defense in image_methods(DEFENSES):
        spec = resolve({**changed, "defense": defense}).defending.defense
        if defense in ("ac", "spectral"):
            assert spec.params["recipe"]["epochs"] == epochs, "the model is trained anew"


@pytest.mark.parametrize(
    "budget", [{"anp": {"iteration": 3}}, {"nope": {"lr": 1}}, {"badnets": {"epochs": 1}}, {"anp": 3}]
)
def test_names_in_the_common_budget_are_checked_too(params, budget) -> None:
    with pytest.raises(UserError, match=r"budget"):
        resolve(change(params, budget={**params["budget"], **budget}))
