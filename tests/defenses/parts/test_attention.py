import pytest
import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.parts.attention import attention_distance, attention_map, require_stages
from backdoor_pipeline.models import ModelOptions, build_model


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


def test_too_few_stages_are_said_first(trainer) -> None:
    model = resnet8()
    require_stages(model, 3)
    with pytest.raises(
        UserError, match=r"4 spatial sizes, and resnet8 has 3 at 32 pixels: use .* preactresnet18"
    ):
        require_stages(model, 4)
