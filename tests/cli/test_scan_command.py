"""What `kedro scan` looks at, and what it trusts."""

import re

import pytest
import torch
from conftest import facts
from helpers.parameters import change

from backdoor_pipeline import api
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.cli.scan_command import _fitting, _images, _page_name
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.table import write_rows
from backdoor_pipeline.foreign.pictures import Pictures
from backdoor_pipeline.foreign.poisoned import training_rows

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


def test_every_scan_has_a_page_of_its_own(params, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [tmp_path / folder / "net/model.safetensors" for folder in ("one", "two")]
    sets = [tmp_path / folder / "train" for folder in ("one", "two")]
    for file in files:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"")
    asked = {**params, "seed": 0}
    name = _page_name("one/net/model.safetensors", "mine", sets[0], asked)
    assert re.fullmatch("net-train-[0-9a-f]{8}.html", name)
    assert _page_name(str(files[0]), "mine", sets[0], asked) == name, "however its path is written"
    others = [
        _page_name(str(files[1]), "mine", sets[0], asked),
        _page_name(str(files[0]), "mine", sets[1], asked),
        _page_name(str(files[0]), "yours", sets[0], asked),
        _page_name(str(files[0]), "mine", sets[0], {**asked, "seed": 1}),
        _page_name(str(files[0]), "mine", sets[0], change(asked, scan__trusted=7)),
        _page_name(str(files[0]), "mine", sets[0], change(asked, defenses__nc__index="log")),
    ]
    assert len({name, *others}) == 7
    assert _page_name(str(files[0]), "mine", sets[0], change(asked, defenses__ft__recipe__epochs=1)) == name
    assert re.fullmatch("theirs-mine-[0-9a-f]{8}.html", _page_name("theirs", "mine", None, asked))
