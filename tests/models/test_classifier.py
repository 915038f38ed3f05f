"""The classifier around a network: normalization, resize, features, and the ways of running it."""

import copy

import pytest
import torch
from helpers.models import build
from pydantic import ValidationError
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.models import Classifier, ImageClassifier, ModelDescription


def description(**changes) -> ModelDescription:
    facts = {"name": "toy", "num_classes": 3, "channels": 2, "image_size": 4, "options": {}}
    return ModelDescription(**{**facts, "mean": (0.5, 0.25), "std": (0.5, 0.125), **changes})


def toy(size: int = 4, input_size: int = 4) -> Classifier:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2 * input_size**2, 3))
    return ImageClassifier(description(image_size=size), network, input_size)


def test_normalization_by_hand():
    model = toy()
    features = model.features(torch.full((1, 2, 4, 4), 0.75))
    assert features.tolist() == [[0.5] * 16 + [4.0] * 16]  # (0.75 - 0.5) / 0.5 and (0.75 - 0.25) / 0.125


def test_the_head_is_taken_off_and_normalization_is_no_parameter():
    model = toy()
    assert {name for name, _ in model.named_parameters()} == {"head.weight", "head.bias"}
    assert model.state_dict().keys() == {"head.weight", "head.bias", "mean", "std"}
    assert model.head_name == "1"


def test_enlarging_is_bilinear_and_shrinking_smooths():
    images = torch.rand(2, 2, 4, 4)
    normal = (images - torch.tensor([0.5, 0.25]).view(1, 2, 1, 1)) / torch.tensor([0.5, 0.125]).view(
        1, 2, 1, 1
    )
    larger = F.interpolate(normal, (8, 8), mode="bilinear", align_corners=False)
    torch.testing.assert_close(toy(4, 8).features(images), larger.flatten(1))
    stripes = torch.zeros(1, 2, 8, 8)
    stripes[..., ::2] = 1
    smooth = toy(8, 2).features(stripes).view(2, 2, 2)
    torch.testing.assert_close(
        smooth[0], torch.zeros(2, 2), atol=0.1, rtol=0
    )  # the stripes' mean, 0.5, normalized


def test_integer_images_are_refused():
    with pytest.raises(TypeError, match="uint8"):
        toy()(torch.zeros(1, 2, 4, 4, dtype=torch.uint8))


@pytest.mark.parametrize("changes", [{"mean": (0.5,)}, {"std": (0.5, 0.0)}, {"num_classes": 1}, {"extra": 1}])
def test_impossible_descriptions_are_refused(changes):
    with pytest.raises(ValidationError):
        description(**changes)


def test_gradients_reach_the_pixels():
    images = torch.rand(2, 3, 32, 32, requires_grad=True)
    build("resnet8")(images).sum().backward()
    assert images.grad.abs().sum() > 0


def test_functional_call_uses_the_weights_it_is_given():
    model, images = build("resnet8"), torch.rand(2, 3, 32, 32)
    changed = {name: torch.zeros_like(value) for name, value in model.head.named_parameters(prefix="head")}
    assert torch.func.functional_call(model, changed, (images,)).abs().max() == 0
    assert model(images).abs().max() > 0


@pytest.mark.parametrize("name", ["resnet8", "preactresnet18", "mobilenet_v3_large"])
def test_channels_last_and_a_copy_compute_the_same(name):
    model, images = build(name), torch.rand(2, 3, 32, 32)
    expected = model(images)
    other = copy.deepcopy(model).to(memory_format=torch.channels_last)
    found = other(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_bfloat16_autocast_is_close():
    model, images = build("preactresnet18"), torch.rand(4, 3, 32, 32)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = model(images)
    assert found.dtype == torch.bfloat16
    expected = model(images)
    assert (found - expected).abs().max() < 0.05 * expected.abs().max()


@pytest.mark.parametrize("name", ["resnet8", "vgg19_bn"])
def test_compiles_as_one_graph(name):
    model, images = build(name, size=28), torch.rand(1, 3, 28, 28)  # VGG's resize is part of the graph
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    with torch.inference_mode():
        torch.testing.assert_close(compiled(images), model(images))
