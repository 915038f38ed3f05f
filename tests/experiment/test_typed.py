"""Parameters by the names that one types: typing them all again is the same experiment."""

import pytest
from helpers.parameters import change

from backdoor_pipeline.base.nesting import nest, overlaid
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.typed import typed_parameters


@pytest.mark.parametrize("attack", ["badnets", "lc", "ssba", "inputaware", "wanet", "none"])
@pytest.mark.parametrize("defense", ["ft", "abl", "none"])
def test_what_is_told_may_be_typed_and_gives_the_same_experiment(params, attack, defense) -> None:
    experiment = resolve(change(params, attack=attack, defense=defense, train_images=500, seed=3))
    typed = typed_parameters(experiment)
    again = resolve(overlaid(params, nest(typed)))
    assert typed_parameters(again) == typed
    assert again.model_dump(exclude={"choices"}) == experiment.model_dump(exclude={"choices"})


def test_names_are_those_of_params(params) -> None:
    typed = typed_parameters(resolve(change(params, attacks__badnets__patch_size=5, training__lr=0.5)))
    assert typed["attacks.badnets.patch_size"] == 5
    assert typed["training.lr"] == 0.5
    assert typed["poison_ratio"] == 0.1
    assert typed["epochs"] == params["datasets"]["digits"]["budget"]["training"]["epochs"]
    assert typed["defenses.ft.recipe.lr"]
