"""Data set settings, and the ones that are shipped."""

from pathlib import Path

import pytest
import yaml
from helpers.source_files import make_spec
from pydantic import ValidationError

from backdoor_pipeline.attacks import ATTACKS
from backdoor_pipeline.data.fetch import PARTS
from backdoor_pipeline.data.sources import get_source
from backdoor_pipeline.data.spec import SPECS, ImageSpec, kind_of
from backdoor_pipeline.defenses import DEFENSES
from backdoor_pipeline.experiment.budget import Budget

SHIPPED = Path(__file__).parents[2] / "conf/base/parameters/datasets.yml"
PARAMS = yaml.safe_load(SHIPPED.read_text())
DATASETS = PARAMS["datasets"]
FIXED = {"horizontal_flip": False}  # texts


@pytest.mark.parametrize("name", DATASETS)
def test_shipped_settings_are_valid(name: str):
    facts = dict(DATASETS[name])
    budget = Budget.of(PARAMS["budget"], facts.pop("budget", {})).blocks
    spec = SPECS[kind_of(facts)].model_validate({"name": name, **facts})
    get_source(spec)
    recipe = {"epochs", "batch_size", "lr", "schedule", "optimizer", "weight_decay"}
    recipe |= {"warmup", "clip_norm"} if spec.kind_of_samples == "text" else set()
    assert set(budget["training"]) == set(budget["defending"]) == recipe
    assert set(budget["attacking"]) - recipe == {"model"}
    methods = set(budget) - {"training", "attacking", "defending", "watch"}
    assert methods <= {*ATTACKS.names(), *DEFENSES.names()}


def test_every_download_is_configured_under_its_name():
    assert all(DATASETS[name]["source"] == name for name in PARTS)


def test_only_these_are_flipped():
    flipped = {
        name for name, facts in DATASETS.items() if facts.get("augmentation", FIXED)["horizontal_flip"]
    }
    assert flipped == {"cifar10", "cifar10_jpeg", "imagenet"}


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0.5]},
        {"mean": [0.5, 0.5, 1.5]},
        {"mean": [float("nan")] * 3},
        {"std": [1, 1]},
        {"std": [1, 0, 1]},
        {"std": [1, 1, float("inf")]},
        {"channels": 2},
        {"num_classes": 1},
        {"num_classes": 10**9},
        {"image_size": 10**6},
        {"augmentation": {"crop_padding": 32, "horizontal_flip": False}},
        {"extra": 1},
        {"name": "../escaped"},
        {"name": ".hidden"},
        {"name": ""},
        {"options": {"train": "../../.."}},
        {"options": {"test": "/etc"}},
        {"options": {"train": ""}},
        {"options": {"folder": "../elsewhere"}},
        {"options": {"folder": ""}},
    ],
)
def test_wrong_settings_are_refused(change: dict[str, object]):
    with pytest.raises(ValidationError):
        ImageSpec.model_validate(make_spec("digits").model_dump() | change)


def test_a_set_may_be_elsewhere_if_its_folder_is_absolute():
    for folder in ("/mnt/birds", "birds-v2", "pets/birds"):
        changed = make_spec("digits").model_dump() | {"options": {"folder": folder}}
        assert ImageSpec.model_validate(changed).options["folder"] == folder


def test_padding_below_the_image_size_is_allowed():
    crop = {"crop_padding": 31, "horizontal_flip": False}
    spec = ImageSpec.model_validate(make_spec("digits").model_dump() | {"augmentation": crop})
    assert spec.augmentation.crop_padding == 31


def test_numbers_in_options_are_text_and_the_shape_is_square():
    spec = ImageSpec.model_validate(make_spec("digits").model_dump() | {"options": {"in_memory_gib": 0}})
    assert spec.options == {"in_memory_gib": "0"}
    assert spec.image_shape == (3, 32, 32)
