"""Names of runs begin with what tells them apart."""

import pytest
from helpers.pipelines import choices

from backdoor_pipeline.experiment.titles import run_title


@pytest.mark.parametrize(
    ("attack", "last", "typed", "title"),
    [
        ("ssba", "analyze", {"attack": "ssba"}, "ssba 10% -> ft · noise · resnet8 · s0"),
        ("none", "evaluate", {}, "none -> ft · noise · resnet8 · s0"),
        ("ssba", "defend", {}, "defend: ssba 10% -> ft · noise · resnet8 · s0"),
        ("ssba", "train", {"epochs": 5}, "train: ssba 10% · epochs=5 · noise · resnet8 · s0"),
        (
            "ssba",
            "poison",
            {"epochs": 5, "target_label": 3},
            "poison: ssba 10% · target_label=3 · noise · s0",
        ),
        (
            "ssba",
            "train",
            {"defenses": {"ft": {"recipe": {"lr": 1}}}},
            "train: ssba 10% · noise · resnet8 · s0",
        ),
        (
            "badnets",
            "evaluate",
            {"attacks": {"ssba": {"bits": 8}}, "defenses": {"ft": {"recipe": {"epochs": 2}}}},
            "badnets 10% -> ft · ft.epochs=2 · noise · resnet8 · s0",
        ),
        (
            "badnets",
            "evaluate",
            {"attacks": {"badnets": {"patch_size": 5}}, "engine": {"device": "cpu"}},
            "badnets 10% -> ft · badnets.patch_size=5 · noise · resnet8 · s0",
        ),
        (
            "badnets",
            "evaluate",
            {
                "datasets.noise.budget.training.lr": 0.1,
                "datasets.noise.budget.wanet.epochs": 9,
                "datasets.noise.budget.nc.images_per_epoch": 250,
                "datasets.noise.augmentation.crop_padding": 0,
                "datasets.digits.budget.training.lr": 0.2,
            },
            "badnets 10% -> ft · training.lr=0.1 · augmentation.crop_padding=0 · noise · resnet8 · s0",
        ),
        (
            "badnets",
            "train",
            {
                "datasets.noise.budget": {
                    "training.lr": 0.1,
                    "defending.lr": 0.2,
                    "ft.steps": 3,
                    "watch.every": 4,
                }
            },
            "train: badnets 10% · training.lr=0.1 · noise · resnet8 · s0",
        ),
    ],
)
def test_a_title(attack: str, last: str, typed: dict, title: str) -> None:
    assert run_title(choices(attack=attack, poison_ratio=0.1), last, typed) == title


def test_small_ratios_are_told_as_they_are() -> None:
    assert run_title(choices(poison_ratio=0.001), "evaluate", {}).startswith("badnets 0.1% -> ft")
