import pytest
import torch
from helpers.models import build
from torchvision.models.swin_transformer import SwinTransformer

from backdoor_pipeline.models.build import assemble
from backdoor_pipeline.models.classifier import ModelDescription
from backdoor_pipeline.models.stages import as_maps, forward_with_stages
from backdoor_pipeline.models.wrapping import wrap


@pytest.mark.parametrize(
    ("name", "channels", "pixels", "options", "expected"),
    [
        ("resnet8", 1, 28, {}, [(16, 28), (32, 14), (64, 7)]),
        ("preactresnet18", 3, 32, {}, [(128, 16), (256, 8), (512, 4)]),
        ("preactresnet18", 3, 64, {}, [(128, 32), (256, 16), (512, 8)]),
        ("vgg19_bn", 3, 32, {}, [(256, 8), (512, 4), (512, 2)]),  # the 7x7 repeats one position
        ("densenet161", 3, 32, {"stem": "small"}, [(768, 16), (2112, 8), (2208, 4)]),  # before transitions
        ("mobilenet_v3_large", 3, 32, {"stem": "small"}, [(40, 16), (112, 8), (960, 4)]),
        ("convnext_tiny", 3, 32, {"stem": "small"}, [(192, 16), (384, 8), (768, 4)]),
        ("vit_b_16", 3, 32, {}, [(768, 14)]),
    ],
)
def test_the_last_spatial_stages_are_found(name, channels, pixels, options, expected) -> None:
    description = ModelDescription(
        name=name, num_classes=10, channels=channels, image_size=pixels, mean=(0.5,) * channels,
        std=(0.5,) * channels, options=options,
    )  # fmt: skip
    with torch.device("meta"):  # shapes alone
        model = assemble(description).eval()
        logits, stages = forward_with_stages(model, torch.zeros(2, channels, pixels, pixels), 3)
    assert logits.shape == (2, 10)
    assert [tuple(stage.shape) for stage in stages] == [(2, width, size, size) for width, size in expected]


def test_a_stage_is_what_its_layer_gives_and_no_hook_is_left() -> None:
    model = build("resnet8")
    images = torch.rand(2, 3, 32, 32)
    logits, stages = forward_with_stages(model, images, 3)
    assert torch.equal(logits, model(images))
    x = torch.relu(model.backbone.bn1(model.backbone.conv1((images - model.mean) / model.std)))
    for stage, layer in zip(
        stages, (model.backbone.layer1, model.backbone.layer2, model.backbone.layer3), strict=True
    ):
        x = layer(x)
        assert torch.equal(stage, x)
    assert all(not module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("name", ["preactresnet18", "densenet161"])
def test_maps_are_taken_after_batchnorm_and_relu(name) -> None:
    model = build(name)
    _, stages = forward_with_stages(model, torch.rand(2, 3, 32, 32))
    assert all(stage.min() == 0 for stage in stages), "no map has what a ReLU cuts off"


@pytest.mark.parametrize("name", ["resnet8", "preactresnet18", "densenet161"])
def test_the_last_stage_is_what_the_heads_pooling_takes(name) -> None:
    model = build(name)
    images = torch.rand(2, 3, 32, 32)
    _, (last,) = forward_with_stages(model, images, 1)
    assert torch.allclose(last.mean((2, 3)), model.features(images), atol=1e-6)


def test_a_pre_activation_stage_is_what_the_next_layer_begins_with() -> None:
    model = build("preactresnet18")
    images, backbone = torch.rand(2, 3, 32, 32), model.backbone
    _, (third, _) = forward_with_stages(model, images, 2)
    x = backbone.conv1((images - model.mean) / model.std)
    x = backbone.layer3(backbone.layer2(backbone.layer1(x)))
    assert torch.equal(third, torch.relu(backbone.layer4[0].bn1(x)))


def test_tokens_become_maps_row_by_row() -> None:
    tokens = torch.arange(2 * 10 * 3).view(2, 10, 3)  # a class token and 3 x 3 patches
    maps = as_maps(tokens)
    assert maps.shape == (2, 3, 3, 3)
    assert torch.equal(maps[1, :, 0, 2], tokens[1, 3])
    assert torch.equal(maps[0, :, 2, 1], tokens[0, 8])


def test_maps_with_the_channels_at_the_end_are_turned() -> None:
    maps = torch.arange(2 * 4 * 4 * 3).view(2, 4, 4, 3)
    assert torch.equal(as_maps(maps)[1, 2], maps[1, :, :, 2])
    assert torch.equal(as_maps(maps.movedim(-1, 1)), maps.movedim(-1, 1))


def test_swins_stages_have_the_channels_in_front() -> None:
    swin = SwinTransformer([2, 2], 12, [1, 1], [2, 2], [2, 2], num_classes=4)
    model = wrap(swin.eval(), image_size=16)
    images = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        _, stages = forward_with_stages(model, images)
    assert [tuple(stage.shape[1:]) for stage in stages] == [(12, 8, 8), (24, 4, 4)]
    normalized = (images - model.mean) / model.std
    with torch.no_grad():
        first = swin.features[:2](normalized)
        last = swin.norm(swin.features(normalized))
    for stage, expected in zip(stages, (first, last), strict=True):
        assert torch.allclose(stage, expected.movedim(-1, 1), atol=1e-6)


def test_a_transformers_stage_is_what_its_last_block_attends_to() -> None:
    model = build("vit_b_16", size=16)
    images = torch.rand(1, 3, 16, 16)
    encoder = model.backbone.encoder
    seen = []
    hook = encoder.layers[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        _, (stage,) = forward_with_stages(model, images)
        hook.remove()
        expected = encoder.layers[-1].ln_1(seen[0])
    assert torch.allclose(stage[0, :, 3, 5], expected[0, 1 + 3 * 14 + 5])
