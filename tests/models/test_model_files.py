"""Models on disk: the same model comes back, and damage does not."""

import pytest
import torch
from helpers.models import build

from backdoor_pipeline.base import tensorfile
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.tensorfile import save_tensors
from backdoor_pipeline.models import check_model, files, load_model, save_model

FACTS = {"attack": "badnets", "epochs": 3, "c_acc": 0.5}


@pytest.fixture(scope="module")
def model():
    model = build("resnet8", channels=1, size=28, classes=4)
    model.train()(torch.rand(8, 1, 28, 28))  # so that the running statistics are not the initial ones
    return model


@pytest.fixture
def path(tmp_path, model):
    path = tmp_path / "m.safetensors"
    save_model(path, model, FACTS)
    return path


@pytest.mark.parametrize("name", ["resnet8", "mobilenet_v3_large", "convnext_tiny"])
def test_the_same_model_comes_back_and_no_random_number_is_drawn(tmp_path, name):
    model, images = build(name, size=64), torch.rand(2, 3, 64, 64)
    save_model(tmp_path / "m", model, FACTS)
    state = torch.get_rng_state()
    loaded, facts = load_model(tmp_path / "m")
    assert torch.equal(torch.get_rng_state(), state)
    assert facts == FACTS
    assert loaded.description == model.description
    assert not loaded.training
    assert torch.equal(loaded(images), model(images))


def test_running_statistics_and_trainability_come_back(path, model):
    loaded, _ = load_model(path)
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    loaded(torch.rand(2, 1, 28, 28)).sum().backward()
    assert loaded.backbone.conv1.weight.grad is not None


def test_equal_models_give_equal_bytes(path, tmp_path):
    save_model(tmp_path / "again", load_model(path)[0].to(memory_format=torch.channels_last), FACTS)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_pretrained_weights_are_not_needed_to_load(tmp_path, path):
    model = build("resnet8", channels=1, size=28, classes=4, pretrained=path)
    save_model(tmp_path / "tuned", model, {})
    path.unlink()
    assert load_model(tmp_path / "tuned")[0].description.options == {}


@pytest.mark.parametrize("read", [load_model, check_model])
def test_damage_is_detected(path, read):
    good = path.read_bytes()
    for bad in [
        good[:-1],
        good[: len(good) // 2],
        good[:-5] + bytes([good[-5] ^ 1]) + good[-4:],
        b"PK\x03\x04",
    ]:
        path.write_bytes(bad)
        with pytest.raises(CorruptFileError):
            read(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read(path)


@pytest.mark.parametrize("read", [load_model, check_model])
def test_another_kind_or_format_is_refused(path, read, monkeypatch):
    save_tensors(path.with_name("trigger"), {"x": torch.ones(2)}, {"kind": "trigger"})
    with pytest.raises(CorruptFileError, match="trigger"):
        read(path.with_name("trigger"))
    monkeypatch.setattr(files, "KIND", "model, format 2")
    with pytest.raises(CorruptFileError, match=r"format 1.*format 2"):
        read(path)


def test_a_wrong_description_or_an_incomplete_model_is_refused(path):
    tensors, meta = tensorfile.load_tensors(path)
    save_tensors(path, tensors, {**meta, "description": {"name": "resnet8"}})
    with pytest.raises(CorruptFileError, match="does not describe"):
        check_model(path)
    save_tensors(path, {name: tensors[name] for name in ["mean", "std"]}, meta)
    with pytest.raises(CorruptFileError, match="whole resnet8"):
        load_model(path)


def test_an_architecture_that_is_gone_is_not_called_damage(path):
    tensors, meta = tensorfile.load_tensors(path)
    save_tensors(path, tensors, {**meta, "description": {**meta["description"], "name": "resnet9"}})
    with pytest.raises(UserError, match="unknown model 'resnet9'"):
        load_model(path)
