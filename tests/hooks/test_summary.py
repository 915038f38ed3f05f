"""The table that ends a run."""

import io
from typing import Any

import pytest
from helpers.pipelines import choices as chosen
from rich.console import Console

from backdoor_pipeline.hooks.summary import result_table, target

CHOICES: dict[str, Any] = {"dataset": "birds", "defense": "ft", "poison_ratio": 0.1, "target_label": 2}
NAMES = ("clean_accuracy", "asr", "robust_accuracy")
SCORES = {f"{name}_{when}": 0.5 for name in NAMES for when in ("before", "after")} | {"der": None}


@pytest.mark.parametrize(
    ("choices", "poisoned", "expected"),
    [
        ({}, {"target_class": "eagle"}, "target 2 (class eagle)"),
        ({}, {"target_class": "2"}, "target 2"),  # of digits
        ({}, {}, "target 2"),  # of a poisoned set made before its class was noted
        ({"label_map": "all_to_all"}, {"target_class": None}, "all to all"),
        ({"attack": "none"}, {}, ""),
    ],
)
def test_the_target_is_told_by_number_and_name(choices: dict, poisoned: dict, expected: str):
    assert target(chosen(**CHOICES | choices), poisoned) == expected


@pytest.mark.parametrize(
    ("attack", "goal", "title"),
    [
        ("badnets", "target 2 (class eagle)", "birds, resnet8, seed 0, 10.0%, target 2 (class eagle)"),
        ("none", "", "birds, resnet8, seed 0"),
    ],
)
def test_the_table_is_headed_by_the_experiment(attack: str, goal: str, title: str):
    console = Console(file=io.StringIO(), width=100)
    console.print(result_table(chosen(**CHOICES, attack=attack), SCORES, goal))
    assert console.file.getvalue().splitlines()[0].strip() == title
