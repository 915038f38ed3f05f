import pytest
import torch

from backdoor_pipeline.defenses.attention import attend, attention_distance, attention_map, require_stages
from backdoor_pipeline.errors import UserError
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.models.build import assemble
from backdoor_pipeline.models.classifier import ModelDescription


def resnet8():
    return build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip


def test_a_map_by_hand() -> None:
    activation = torch.tensor([[[[1.0, 0.0]], [[-1.0, 1.0]]]])  # two channels of 1 x 2
    # sums of squares: 2 and 1; their norm: sqrt(5)
    assert torch.allclose(attention_map(activation, 2), torch.tensor([[2.0, 1.0]]) / 5**0.5)
    # sums of cubes, signs dropped: 2 and 1
    assert torch.allclose(attention_map(3 * activation, 3), torch.tensor([[2.0, 1.0]]) / 5**0.5)


def test_a_distance_by_hand() -> None:
    left, right = (
        torch.tensor([[[[3.0, 0.0]]], [[[0.0, 2.0]]]]),
        torch.tensor([[[[0.0, 1.0]]], [[[0.0, 5.0]]]]),
    )
    # first image: (1, 0) against (0, 1): 1 + 1; second: equal; over 2 images of 2 positions
    assert attention_distance(left, right, 2).item() == pytest.approx(2 / 4)


def test_one_position_says_nothing() -> None:
    assert torch.equal(attention_map(torch.rand(5, 8, 1, 1) + 0.1, 2), torch.ones(5, 1))


def test_an_empty_map_has_a_finite_gradient() -> None:
    activation = torch.zeros(1, 2, 2, 2, requires_grad=True)
    attention_distance(activation, torch.rand(1, 2, 2, 2), 2).backward()
    assert activation.grad is not None
    assert activation.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "channels", "pixels", "options", "expected"),
    [
        ("resnet8", 1, 28, {}, [(16, 28), (32, 14), (64, 7)]),
        ("preactresnet18", 3, 32, {}, [(128, 16), (256, 8), (512, 4)]),
        ("preactresnet18", 3, 64, {}, [(128, 32), (256, 16), (512, 8)]),
        ("vgg19_bn", 3, 32, {}, [(256, 8), (512, 4), (512, 2)]),  # the 7x7 repeats one position
        ("densenet161", 3, 32, {"stem": "small"}, [(384, 16), (1056, 8), (2208, 4)]),
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
        logits, stages = attend(model, torch.zeros(2, channels, pixels, pixels), 3)
    assert logits.shape == (2, 10)
    assert [tuple(stage.shape) for stage in stages] == [(2, width, size, size) for width, size in expected]


def test_a_stage_is_what_its_layer_gives_and_no_hook_is_left() -> None:
    model = resnet8().eval()
    images = torch.rand(2, 3, 32, 32)
    logits, stages = attend(model, images, 3)
    assert torch.equal(logits, model(images))
    x = torch.relu(model.backbone.bn1(model.backbone.conv1((images - 0.5) / 0.5)))
    for stage, layer in zip(
        stages, (model.backbone.layer1, model.backbone.layer2, model.backbone.layer3), strict=True
    ):
        x = layer(x)
        assert torch.equal(stage, x)
    assert all(not module._forward_hooks for module in model.modules())


def test_too_few_stages_are_said_first(trainer) -> None:
    model = resnet8()
    require_stages(model, trainer, 3)
    with pytest.raises(
        UserError, match=r"4 spatial sizes, and resnet8 has 3 at 32 pixels: use .* preactresnet18"
    ):
        require_stages(model, trainer, 4)
