"""Every architecture: its size, its maps, the images it takes, and its block in the configuration."""

from pathlib import Path

import pytest
import torch
import yaml
from helpers.models import build
from torch import nn
from torchvision.models import VisionTransformer

from backdoor_pipeline.models import Classifier, ModelDescription, model_names, model_options
from backdoor_pipeline.models.build import assemble
from backdoor_pipeline.models.torchvision_models import vit_b_16

MODELS_YML = Path(__file__).parents[2] / "conf" / "base" / "parameters" / "models.yml"
STEMMED = ["convnext_tiny", "densenet161", "efficientnet_b3", "mobilenet_v3_large", "resnet50"]


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def described(name: str, **changes) -> Classifier:
    """A model without memory for its weights."""
    facts = {"num_classes": 10, "channels": 3, "image_size": 32, "mean": (0.5,) * 3, "std": (0.2,) * 3}
    with torch.device("meta"):
        return assemble(ModelDescription(name=name, **{**facts, "options": {}, **changes}))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("resnet8", 75_290),
        ("resnet20", 269_722),
        ("resnet32", 464_154),
        ("preactresnet18", 11_172_170),
        ("vgg19", 139_611_210),
        ("vgg19_bn", 139_622_218),
        ("vit_b_16", 85_806_346),
    ],
)
def test_parameter_counts(name, count):
    assert parameters(described(name)) == count


@pytest.mark.parametrize(
    ("name", "imagenet", "small"),
    [
        ("resnet50", 23_528_522, 23_528_522 - 64 * 3 * (49 - 9)),
        ("densenet161", 26_494_090, 26_494_090 - 96 * 3 * (49 - 9)),
        ("efficientnet_b3", 10_711_602, 10_711_602),
        ("mobilenet_v3_large", 4_214_842, 4_214_842),
        ("convnext_tiny", 27_827_818, 27_827_818 - 96 * 3 * (16 - 9)),
    ],
)
def test_parameter_counts_by_stem(name, imagenet, small):
    assert parameters(described(name, options={"stem": "imagenet"})) == imagenet
    assert parameters(described(name, options={"stem": "small"})) == small


def test_resnet_counts_are_the_sum_of_their_layers():
    for n, name in [(1, "resnet8"), (3, "resnet20"), (5, "resnet32")]:
        convolutions = 9 * (
            3 * 16 + 2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2 + 32 * 64 + (2 * n - 1) * 64**2
        )
        norms = 2 * (16 + 2 * n * (16 + 32 + 64))
        assert parameters(described(name)) == convolutions + norms + 65 * 10


@pytest.mark.parametrize("name", model_names("image"))
@pytest.mark.parametrize(
    ("channels", "size", "stem"), [(3, 32, "imagenet"), (1, 28, "small"), (3, 64, "small")]
)
def test_every_model_takes_small_images(name, channels, size, stem):
    model = build(name, classes=7, channels=channels, size=size, stem=stem)
    images = torch.rand(1, channels, size, size)
    with torch.inference_mode():
        logits, features = model(images), model.features(images)
        assert logits.shape == (1, 7)
        assert features.shape == (1, model.head.in_features)
        assert features.std() > 0
        torch.testing.assert_close(features @ model.head.weight.T + model.head.bias, logits)


@pytest.mark.parametrize(
    "name", ["resnet8", "preactresnet18", "densenet161", "mobilenet_v3_large", "resnet50"]
)
def test_digits_of_8_pixels_leave_a_position(name):
    assert build(name, channels=1, size=8)(torch.rand(2, 1, 8, 8)).isfinite().all()


@pytest.mark.parametrize(
    ("name", "stem"), [("vgg19", ""), ("densenet161", "imagenet"), ("convnext_tiny", "imagenet")]
)
def test_networks_with_five_halvings_enlarge_what_would_vanish(name, stem):
    options = {"stem": stem} if stem else {}
    assert described(name, image_size=28, options=options).input_size == 32
    assert described(name, image_size=48, options=options).input_size == 48


@pytest.mark.parametrize("name", STEMMED)
@pytest.mark.parametrize(("stem", "last"), [("small", 4), ("imagenet", 1)])
def test_the_small_stem_leaves_4x4_maps_of_32_pixels(name, stem, last):
    model = described(name, options={"stem": stem})
    maps = []
    last_maps = model.backbone.layer4 if name == "resnet50" else model.backbone.features
    last_maps.register_forward_hook(lambda _module, _given, out: maps.append(out.shape[-2:]))
    model.eval()(torch.rand(1, 3, 32, 32, device="meta"))
    assert maps == [(last, last)]


@pytest.mark.parametrize("name", STEMMED)
def test_large_images_get_the_imagenet_stem(name):
    assert build(name, size=127).description.options == {"stem": "small"}
    assert build(name, size=128).description.options == {"stem": "imagenet"}


@pytest.mark.parametrize("name", [*STEMMED, "vgg19_bn", "vit_b_16"])
def test_the_imagenet_stem_is_torchvisions_network(name):
    from torchvision.models import get_model

    with torch.device("meta"):
        published = get_model(name, weights=None, num_classes=10)
    model = described(name, options={"stem": "imagenet"} if name in STEMMED else {})
    model.backbone.set_submodule(model.head_name, model.head)
    assert str(model.backbone) == str(published)


@pytest.mark.parametrize("name", [*STEMMED, "vgg19_bn", "vit_b_16"])
def test_gray_images_change_nothing_but_the_channels_of_the_imagenet_stem(name):
    from torchvision.models import get_model

    with torch.device("meta"):
        published = get_model(name, weights=None, num_classes=10)
    options = {"stem": "imagenet"} if name in STEMMED else {}
    model = described(name, channels=1, mean=(0.5,), std=(0.2,), options=options)
    model.backbone.set_submodule(model.head_name, model.head)
    assert str(model.backbone) == str(published).replace("Conv2d(3,", "Conv2d(1,", 1)


def test_a_new_stem_starts_as_kaiming_says():
    stem = build("mobilenet_v3_large", channels=1).backbone.features[0][0]
    assert stem.weight.shape == (16, 1, 3, 3)
    assert stem.weight.std().item() == pytest.approx((2 / (16 * 9)) ** 0.5, rel=0.2)


def test_patches_of_gray_images_start_with_the_deviation_that_their_pixels_give(monkeypatch):
    def small(_, *, num_classes, **__):
        return VisionTransformer(32, 16, 1, 1, 128, 8, num_classes=num_classes)

    monkeypatch.setattr("torchvision.models.get_model", small)
    patches = vit_b_16(ModelDescription(
        name="vit_b_16", num_classes=10, channels=1, image_size=32, mean=(0.5,), std=(0.2,), options={},
    )).conv_proj  # fmt: skip
    assert patches.weight.shape == (128, 1, 16, 16)
    assert patches.weight.std().item() == pytest.approx(1 / 16, rel=0.03)


@pytest.mark.parametrize("name", ["resnet20", "preactresnet18"])
def test_convolutions_start_as_kaiming_says(name):
    for module in build(name).modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 20_000:
            fan_out = module.out_channels * module.kernel_size[0] ** 2
            assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.03)
    assert not build(name).head.bias.any()


def test_the_configuration_has_a_valid_block_for_every_model_and_no_other():
    blocks = yaml.safe_load(MODELS_YML.read_text())["models"]
    assert sorted(blocks) == model_names()
    for name in model_names("image"):
        raw = blocks[name]
        assert model_options(name, raw).model_dump() == raw
