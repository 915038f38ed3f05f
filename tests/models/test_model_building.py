"""Building by name: determinism, options, and pretrained weights."""

import logging
import random

import numpy as np
import pytest
import torch
from helpers.models import build
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torchvision.models import get_model

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.models import StemOptions, build_model, model_options, register, save_model
from backdoor_pipeline.models.build import skeleton
from backdoor_pipeline.models.pretrained import fitting_weights


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    mine, theirs = a.state_dict(), b.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_same_seed_same_weights_whatever_ran_before(seed, noise):
    first = build("resnet8", seed=seed)
    torch.manual_seed(noise)
    assert same(build("resnet8", seed=seed), first)
    assert not same(build("resnet8", seed=seed + 1), first)


@pytest.mark.parametrize("name", ["mobilenet_v3_large", "densenet161", "preactresnet18"])
def test_other_families_are_deterministic_and_leave_the_global_random_state(name):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = build(name, channels=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    torch.rand(3)
    assert same(build(name, channels=1), first)


def test_two_architectures_do_not_share_their_draws():
    assert not torch.equal(build("resnet8").backbone.conv1.weight, build("resnet20").backbone.conv1.weight)


def test_new_models_train():
    model = build_model(
        "resnet8",
        num_classes=2,
        channels=1,
        image_size=8,
        mean=(0.5,),
        std=(0.5,),
        seed=0,
        options=model_options("resnet8", {"pretrained": None}),
    )
    assert model.training


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("preactresnet", {}, "did you mean 'preactresnet18'"),
        ("resnet8", {"pretrained": None, "stem": "small"}, "unknown option of model 'resnet8' 'stem'"),
        ("vit_b_16", {"pretrained": None, "stem": "small"}, "unknown option of model 'vit_b_16' 'stem'"),
        ("densenet161", {"pretrained": None, "stm": "small"}, "did you mean 'stem'"),
        (
            "densenet161",
            {"pretrained": None, "stem": "tiny"},
            "models.densenet161.stem.*'small' or 'imagenet'",
        ),
        ("densenet161", {"stem": "small"}, "models.densenet161.pretrained.*required"),
    ],
)
def test_wrong_options_are_named(name, raw, message):
    with pytest.raises(UserError, match=message):
        model_options(name, raw)


def test_options_of_another_model_are_refused():
    with pytest.raises(UserError, match="takes ModelOptions"):
        build_model(
            "resnet8",
            num_classes=2,
            channels=1,
            image_size=8,
            mean=(0.5,),
            std=(0.5,),
            seed=0,
            options=StemOptions(stem="small", pretrained=None),
        )


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="twice"):
        register("resnet8")(lambda spec: spec)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The MobileNetV3 of torchvision for 10 classes, and the file a user would convert it to."""
    network = get_model("mobilenet_v3_large", weights=None, num_classes=10).eval()
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v3_large.safetensors"
    save_file(network.state_dict(), path)
    return network, path


def test_torchvision_weights_give_torchvisions_logits(published):
    network, path = published
    model, images = build("mobilenet_v3_large", stem="imagenet", pretrained=path), torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(images), network((images - model.mean) / model.std), rtol=1e-4, atol=0)
    assert all(
        torch.equal(value, network.state_dict()[f"classifier.3.{name}"])
        for name, value in model.head.state_dict().items()
    )


def test_weights_fit_the_small_stem_of_mobilenet(published):
    network, path = published
    stem = build("mobilenet_v3_large", stem="small", pretrained=path).backbone.features[0][0]
    assert stem.stride == (1, 1)
    assert torch.equal(stem.weight, network.features[0][0].weight)


def test_another_class_count_skips_the_head_and_says_so(published, caplog):
    network, path = published
    with caplog.at_level(logging.INFO):
        model = build("mobilenet_v3_large", classes=43, pretrained=path)
    assert "other classes" in caplog.text
    assert torch.equal(model.head.weight, build("mobilenet_v3_large", classes=43).head.weight)
    assert torch.equal(model.backbone.features[0][0].weight, network.features[0][0].weight)


def test_a_saved_model_is_a_pretrained_file(tmp_path, caplog):
    source = build("resnet8", seed=1)
    source.mean.fill_(0.9)
    save_model(tmp_path / "m", source, {})
    model = build("resnet8", seed=2, pretrained=tmp_path / "m")
    assert torch.equal(model.mean.flatten(), torch.tensor((0.5, 0.4, 0.3)))
    source.mean.copy_(model.mean)
    assert same(model, source)
    assert model.description.options == {}
    assert "other classes" not in caplog.text


def test_a_stem_of_another_shape_names_the_option(tmp_path):
    save_model(tmp_path / "m", build("densenet161", stem="imagenet"), {})
    with pytest.raises(UserError, match=r"models\.densenet161\.stem=imagenet"):
        build("densenet161", stem="small", pretrained=tmp_path / "m")


def test_other_channels_are_explained(published):
    with pytest.raises(UserError, match="it takes 3 channels"):
        build("mobilenet_v3_large", channels=1, pretrained=published[1])


def test_another_architecture_is_refused(published):
    with pytest.raises(UserError, match="same architecture"):
        build("resnet8", pretrained=published[1])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda weight: weight.fill_(float("nan")), "are infinite or no numbers"),
        (lambda weight: weight.index_fill(0, torch.tensor(0), float("inf")), "are infinite or no numbers"),
        (lambda weight: weight.to(torch.int32), "holds int32 values"),
        (lambda weight: weight.to(torch.complex64), "holds complex64 values"),
    ],
)
@pytest.mark.parametrize("part", ["head.weight", "backbone.stem.weight"])
def test_weights_that_no_training_leaves_are_refused(tmp_path, spoil, sentence, part):
    weights = build("resnet8").state_dict()
    part = part if part in weights else next(name for name in weights if name.startswith("backbone."))
    weights[part] = spoil(weights[part].clone())
    save_file(weights, tmp_path / "w")
    with pytest.raises(UserError, match=rf"does not fit, as '{part.removeprefix('backbone.')}'.*{sentence}"):
        build("resnet8", pretrained=tmp_path / "w")


def test_weights_are_checked_without_building_the_model(published):
    model = build("mobilenet_v3_large", classes=43)
    found = fitting_weights(skeleton(model.description), published[1])
    assert not [name for name in found if name.startswith("head.")]
    assert found.keys() == {name for name in model.state_dict() if name.startswith("backbone.")}


def test_a_missing_file_and_a_pickle_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        build("resnet8", pretrained=tmp_path / "absent")
    (tmp_path / "w.pth").write_bytes(b"PK\x03\x04 a zipped pickle of some length")
    with pytest.raises(UserError, match=r"save_file\(torchvision\.models\.vit_b_16"):
        build("vit_b_16", pretrained=tmp_path / "w.pth")
