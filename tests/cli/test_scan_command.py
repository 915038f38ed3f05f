"""What `kedro scan` looks at, and what it trusts."""

import re
from typing import ClassVar

import pytest
import torch
from conftest import facts
from helpers.parameters import change

from backdoor_pipeline import api
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.cli.scan_command import _fitting, _images, _page_name
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.table import write_rows
from backdoor_pipeline.defenses import Defense, Detector
from backdoor_pipeline.experiment.resolve import defense_of, resolve
from backdoor_pipeline.experiment.specs import Scanning
from backdoor_pipeline.foreign.pictures import Pictures
from backdoor_pipeline.foreign.poisoned import training_rows
from backdoor_pipeline.scanning import detectors
from backdoor_pipeline.training import Recipe

SPEC = facts(classes=4, size=8)


@pytest.fixture
def clean(make_set) -> Splits:
    return Splits(lambda split: make_set(rows=40 if split == "train" else 12, size=8))


def test_without_a_training_set_all_clean_images_are_trusted(clean) -> None:
    train, trusted = _images(None, clean, SPEC)
    assert train is None
    assert len(trusted) == 40 + 12


def test_of_ours_the_images_that_were_poisoned_are_not_trusted(clean, tmp_path) -> None:
    planted = api.poison("badnets", clean.train, clean.test, poison_ratio=0.25)
    write_rows(tmp_path / "train.parquet", planted.train, {})
    train, trusted = _images(tmp_path, clean, SPEC)
    assert torch.equal(train.images[planted.train.index], planted.train.images)
    assert torch.equal(trusted.images, clean.test.images)


def test_a_set_of_others_has_nothing_to_do_with_ours(clean, tmp_path, make_set) -> None:
    write_rows(tmp_path / "train.parquet", training_rows(Pictures(make_set(rows=60, size=8)), None), {})
    train, trusted = _images(tmp_path, clean, SPEC)
    assert (len(train), len(trusted)) == (60, 40 + 12)


def test_a_damaged_set_is_told(clean, tmp_path) -> None:
    (tmp_path / "train.parquet").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be used"):
        _images(tmp_path, clean, SPEC)


def test_model_and_data_set_have_to_fit(make_set) -> None:
    model = api.new_model("resnet8", make_set(size=8))
    assert not _fitting(model, SPEC).training
    with pytest.raises(UserError, match=r"image_size 8, data set 'noise' 16"):
        _fitting(model, facts(classes=4, size=16))


class Plugged(Defense, Detector):
    """A detector of another package, of which no parameters say anything."""

    name: ClassVar[str] = "plugged"
    recipe: Recipe

    def defend(self, view):
        raise NotImplementedError

    def detect(self, view, significance):
        raise NotImplementedError


def page(params, model="theirs", data=None, chosen=None, **paths) -> str:
    """The name of the page of a scan with these parameters."""
    asked = change(params, attack="none", **paths)
    experiment = resolve(asked)
    found = {name: defense_of(name, asked) for name in detectors()} | (chosen or {})
    settings = Scanning.model_validate(asked["scan"])
    return _page_name(str(model), experiment.dataset, data, settings, found, experiment)


def test_every_scan_has_a_page_of_its_own(params, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, two = [tmp_path / folder / "net/model.safetensors" for folder in ("one", "two")]
    sets = [tmp_path / folder / "train" for folder in ("one", "two")]
    for file in (one, two):
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")
    name = page(params, "one/net/model.safetensors", sets[0])
    assert re.fullmatch("net-train-[0-9a-f]{8}.html", name)
    assert page(params, one, sets[0]) == name, "however its path is written"
    others = [
        page(params, two, sets[0]),
        page(params, one, sets[1]),
        page(params, one, sets[0], dataset="gtsrb"),
        page(params, one, sets[0], seed=1),
        page(params, one, sets[0], train_images=500),
        page(params, one, sets[0], scan__trusted=7),
        page(params, one, sets[0], defenses__nc__index="log"),
        page(params, one, sets[0], datasets__digits__budget__nc__images_per_epoch=30),
    ]
    assert len({name, *others}) == 9
    assert page(params, one, sets[0], defenses__ft__recipe__epochs=1) == name
    assert re.fullmatch("theirs-digits-[0-9a-f]{8}.html", page(params))


def test_a_detector_needs_no_parameters(params) -> None:
    recipe = resolve(params).training.recipe
    plugged = [Plugged(recipe=recipe.model_copy(update={"epochs": epochs})) for epochs in (1, 2)]
    assert len({page(params), *(page(params, chosen={"plugged": one}) for one in plugged)}) == 3
