"""What `kedro scan` looks at, and what it trusts."""

import pytest
import torch
from conftest import facts

from backdoor_pipeline import api
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.cli.scan_command import _fitting, _images
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
