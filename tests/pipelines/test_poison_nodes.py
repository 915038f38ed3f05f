"""What the stage that poisons says of it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.pipelines import BADNETS, FACTS, engine, poisoning, splits

from backdoor_pipeline.attacks.networks import NoNetworks
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.experiment.stages import PoisonStage
from backdoor_pipeline.pipelines.poison import nodes


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
    _, metrics = nodes.poison_dataset(splits(make_set(rows=80), make_set(rows=16)), NoNetworks(), stage)
    assert metrics["target_class"] == expected


def test_visibility_is_measured_on_images_of_all_classes(
    make_set: Callable[..., ImageSet], monkeypatch
) -> None:
    monkeypatch.setattr(nodes, "STEALTH_IMAGES", 100)
    classes, rows = 4, torch.arange(1000)
    pixels = (60 * (rows * classes // 1000)).to(torch.uint8)  # brighter from class to class
    held = ImageSet(
        pixels.view(-1, 1, 1, 1).expand(-1, 3, 32, 32).clone(), rows * classes // 1000, make_set().classes
    )
    stage = PoisonStage(dataset=FACTS, poisoning=poisoning(BADNETS), engine=engine())
    _, metrics = nodes.poison_dataset(splits(held, held), NoNetworks(), stage)
    white = {"train_linf": (255 + 195 + 135 + 75) / 4 / 255, "linf": (195 + 135 + 75) / 3 / 255}
    for name, expected in white.items():
        assert metrics[name] == pytest.approx(expected, abs=0.06), name
