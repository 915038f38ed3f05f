from copy import deepcopy

import pytest
import torch
from helpers.models import build
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.sharpness import SharpnessAware, worst_change
from backdoor_pipeline.training import Batch

numbers = st.floats(-3, 3).filter(lambda number: abs(number) > 0.01)


def batch(rows: int = 8, classes: int = 4) -> Batch:
    images = torch.rand(rows, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return Batch(images, torch.arange(rows) % classes, torch.arange(rows), epoch=1, step=0)


def test_the_change_is_as_computed_by_hand_over_all_tensors_together() -> None:
    weights = {"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([[-4.0]])}
    uphill = {"a": torch.tensor([1.0, 7.0]), "b": torch.tensor([[1.0]])}
    change = worst_change(weights, uphill, 2)  # w g is 3, 0 and -4, of norm 5; e is 2 w^2 g / 5
    torch.testing.assert_close(change["a"], torch.tensor([18 / 5, 0]))
    torch.testing.assert_close(change["b"], torch.tensor([[32 / 5]]))


@given(
    weights=st.lists(numbers, min_size=3, max_size=3),
    uphill=st.lists(numbers, min_size=3, max_size=3),
    other=st.lists(numbers, min_size=3, max_size=3),
    rho=st.floats(0.1, 5),
)
def test_no_other_change_within_the_radius_raises_the_loss_more(weights, uphill, other, rho) -> None:
    w, g, direction = (torch.tensor(values, dtype=torch.float64) for values in (weights, uphill, other))
    e = worst_change({"w": w}, {"w": g}, rho)["w"]
    assert (e / w).norm().item() == pytest.approx(rho)
    rival = direction * w * rho / direction.norm()  # (rival / w) has norm rho
    assert (g * e).sum() >= (g * rival).sum() - 1e-9


def test_without_a_gradient_nothing_changes() -> None:
    change = worst_change({"w": torch.ones(2)}, {"w": torch.zeros(2)}, 2)
    assert torch.equal(change["w"], torch.zeros(2))


def test_the_gradient_is_that_of_the_loss_at_the_worst_weights() -> None:
    model, one = build("resnet8", classes=4).double().train(), batch()
    one.inputs = one.inputs.double()
    start = deepcopy(model)
    F.cross_entropy(start(one.inputs), one.labels).backward()
    moved, weights = deepcopy(start), dict(start.named_parameters())
    change = worst_change(weights, {name: weight.grad for name, weight in weights.items()}, 0.7)
    with torch.no_grad():
        for name, weight in moved.named_parameters():
            weight.add_(change[name])
    moved.zero_grad()
    expected = F.cross_entropy(moved(one.inputs), one.labels)
    expected.backward()
    loss = SharpnessAware(0.7, 0)(model, one)
    loss.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert loss.item() > F.cross_entropy(start(one.inputs), one.labels).item() + 0.01
    for (name, weight), twin in zip(model.named_parameters(), moved.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, twin.grad, rtol=1e-4, atol=1e-6, msg=name)


def test_weights_stay_and_statistics_move_as_one_pass_moves_them() -> None:
    model = build("resnet8", classes=4).train()
    reference, one = deepcopy(model), batch()
    SharpnessAware(2, 0.1)(model, one)
    reference(one.inputs)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, reference.state_dict()[name]), name


def test_frozen_weights_are_not_moved_either() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4), nn.Linear(4, 4))
    model[1].requires_grad_(False)
    SharpnessAware(2, 0)(model, batch()).backward()
    assert model[1].weight.grad is None
    assert model[2].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("classes", [2, 4, 43])
def test_smoothing_gives_its_part_to_the_other_classes(classes) -> None:
    logits = torch.randn(5, classes, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(5) % classes
    target = torch.full_like(logits, 0.1 / (classes - 1)).scatter(1, labels[:, None], 0.9)
    expected = -(target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(SharpnessAware(2, 0.1)._loss(logits, labels), expected)


def test_accuracy_is_reported_at_the_weights_themselves() -> None:
    model, one = build("resnet8", classes=4).train(), batch()
    logits = deepcopy(model)(one.inputs)
    SharpnessAware(2, 0.1)(model, one)
    reported, labels = one.reported
    torch.testing.assert_close(reported, logits)
    assert torch.equal(labels, one.labels)
