"""What the stage that poisons says of it."""

from collections.abc import Callable
from typing import Any

import pytest
from helpers.pipelines import BADNETS, FACTS, engine, poisoning, splits

from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.experiment.stages import PoisonStage
from backdoor_pipeline.pipelines.poison.nodes import poison_dataset


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ({"target_label": 2}, "class 2"),
        ({"label_map": "all_to_all", "target_label": None}, None),
    ],
)
def test_the_target_class_is_noted_by_name(
    goal: dict[str, Any], expected: str | None, make_set: Callable[..., ImageSet]
):
    stage = PoisonStage(dataset=FACTS, poisoning=poisoning(BADNETS, **goal), engine=engine())
    _, metrics = poison_dataset(splits(make_set(rows=80), make_set(rows=16)), NoNetworks(), stage)
    assert metrics["target_class"] == expected
