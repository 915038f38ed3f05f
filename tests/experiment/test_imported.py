"""An experiment on what somebody else has made."""

import pytest
import torch
from helpers.parameters import change

from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.splits import Splits
from backdoor_pipeline.data.table import write_rows
from backdoor_pipeline.experiment.artifacts import artifact_names
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.specs import Imported
from backdoor_pipeline.foreign.pictures import Pictures
from backdoor_pipeline.foreign.poisoned import training_rows, triggered_rows
from backdoor_pipeline.pipelines.shared.imported import imported_poison


def test_it_takes_a_model_as_it_is(params, tmp_path) -> None:
    with pytest.raises(UserError, match=r"models\.resnet8\.pretrained"):
        resolve({**params, "attack": "imported"})
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"one")
    experiment = resolve(change(params, attack="imported", models__resnet8__pretrained=str(file)))
    assert experiment.training.elsewhere
    assert not experiment.watching.on, "digits' budget would watch a training"
    assert experiment.poisoning.attack is None
    assert "resnet8-imported" in artifact_names(experiment)["train"]


def test_other_experiments_are_named_as_ever(params) -> None:
    experiment = resolve(params)
    assert set(experiment.poisoning.model_dump()) == {"attack"}
    assert "elsewhere" not in experiment.training.model_dump()


def test_it_is_named_by_its_data(params, tmp_path, make_set) -> None:
    model, data = tmp_path / "model.safetensors", tmp_path / "theirs"
    model.write_bytes(b"one")
    rows = training_rows(Pictures(make_set()), None)
    asked = change(
        params, attack="imported", models__resnet8__pretrained=str(model), imported__data=str(data)
    )
    with pytest.raises(UserError, match="kedro import poisoned"):
        artifact_names(resolve(asked))
    for split in ("train", "test"):
        write_rows(data / f"{split}.parquet", rows, {})
    with_data = artifact_names(resolve(asked))
    without = artifact_names(resolve(change(asked, imported__data=None)))
    assert with_data["poison"] != without["poison"]


def test_the_stages_get_a_set_of_its_own(tmp_path, make_set) -> None:
    clean, theirs = make_set(), make_set(rows=60)
    stamped = triggered_rows(Pictures(clean), 2, clean)
    write_rows(tmp_path / "train.parquet", training_rows(Pictures(theirs), None), {})
    write_rows(tmp_path / "test.parquet", stamped, {})
    splits = Splits(lambda _: clean)
    made = imported_poison(splits, Imported(data=str(tmp_path)))
    assert (len(made.train), len(made.test), made.train.whole) == (60, 30, True)
    assert isinstance(made.trigger, NoTrigger)
    assert torch.equal(made.test.labels, torch.full((30,), 2))
    nothing = imported_poison(splits, Imported(data=None))
    assert isinstance(nothing, Poison)
    assert len(nothing.train) == len(nothing.test) == 0
    with pytest.raises(UserError, match="not as the data set's"):
        imported_poison(Splits(lambda _: make_set(size=16)), Imported(data=str(tmp_path)))
    (tmp_path / "test.parquet").write_bytes(b"")
    with pytest.raises(UserError, match="kedro import poisoned"):
        imported_poison(splits, Imported(data=str(tmp_path)))
