import pytest
import torch
from torch import nn

from backdoor_pipeline.defenses.parts.mixmatch import MixMatch, mix, mixed, ramp, sharpen
from backdoor_pipeline.training import Batch


def test_sharpening_by_hand() -> None:
    probabilities = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5]])
    squares = torch.tensor([[0.25, 0.09, 0.04], [0.0625, 0.0625, 0.25]])  # a temperature of 0.5
    assert torch.allclose(sharpen(probabilities, 0.5), squares / squares.sum(1, keepdim=True))
    assert torch.allclose(sharpen(probabilities, 1), probabilities)


def test_mixing_by_hand() -> None:
    images = torch.tensor([0.0, 1.0, 0.4]).view(3, 1, 1, 1)
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    share, partners = torch.tensor([0.75, 0.5, 1.0]), torch.tensor([1, 2, 0])
    mixed_images, mixed_targets = mix(images, targets, share, partners)
    assert mixed_images.flatten().tolist() == pytest.approx([0.25, 0.7, 0.4])
    assert torch.allclose(mixed_targets, torch.tensor([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5]]))


def test_an_image_keeps_the_larger_part_of_itself() -> None:
    images = torch.arange(200.0).view(200, 1, 1, 1)
    torch.manual_seed(0)
    mixed_images, mixed_targets = mixed(images, torch.eye(200), 0.75)
    own = mixed_targets.diagonal()
    assert own.min() >= 0.5
    assert 0.7 < own.mean() < 0.95  # of max(s, 1 - s) with s from Beta(0.75, 0.75) it is about 0.8
    assert own.unique().numel() > 150  # each image has a share of its own
    assert torch.allclose(mixed_images.flatten(), mixed_targets @ images.flatten(), rtol=1e-4, atol=1e-3)


def test_the_ramp_is_linear_and_ends_at_one() -> None:
    assert [ramp(step, 4) for step in (0, 1, 2, 4, 5)] == [0, 0.25, 0.5, 1, 1]


class Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, images):
        return self.linear(images.flatten(1))


def rows(images: torch.Tensor, step: int) -> Batch:
    """Five images, of which the rows 0, 2 and 3 are trusted."""
    return Batch(images, torch.tensor([0, -1, 1, 1, -1]), torch.tensor([3, 1, 0, 2, 4]), epoch=1, step=step)


TRUSTED = torch.tensor([True, False, True, True, False])


def objective(trusted: torch.Tensor = TRUSTED, vary=lambda images: images) -> MixMatch:
    return MixMatch(trusted, vary, classes=2, steps=10, temperature=0.5, alpha=0.75, weight=15)


class Halves:
    """Augmentation whose calls can be told apart: the first halves the values, the next quarters them."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, images):
        self.calls += 1
        return images / 2**self.calls


@pytest.mark.parametrize(("step", "weight"), [(0, 0.0), (5, 7.5), (10, 15.0)])
def test_the_loss_is_that_of_the_paper(monkeypatch, step, weight) -> None:
    torch.manual_seed(0)
    model, images = Linear(), torch.rand(5, 1, 2, 2)
    share, partners = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5, 1.0, 0.75]), torch.tensor([3, 2, 6, 0, 1, 5, 4])
    monkeypatch.setattr(
        "backdoor_pipeline.defenses.parts.mixmatch.mixed", lambda x, y, alpha: mix(x, y, share, partners)
    )
    loss = objective(vary=Halves())(model, rows(images, step))

    labeled, pair = images[[0, 2, 3]] / 8, [images[[1, 4]] / 2, images[[1, 4]] / 4]  # labels 0, 1, 1
    q = (model(pair[0]).softmax(1) + model(pair[1]).softmax(1)) / 2
    q = (q**2 / (q**2).sum(1, keepdim=True)).detach()
    x, y = torch.cat([labeled, *pair]), torch.cat([torch.tensor([[1.0, 0], [0, 1], [0, 1]]), q, q])
    x = share.view(-1, 1, 1, 1) * x + (1 - share).view(-1, 1, 1, 1) * x[partners]
    y = share[:, None] * y + (1 - share)[:, None] * y[partners]
    p = model(x).softmax(1)
    labeled_loss = -(y[:3] * p[:3].log()).sum(1).mean()
    unlabeled_loss = ((p[3:] - y[3:]) ** 2).sum(1).mean() / 2  # over K classes
    expected = labeled_loss + weight * unlabeled_loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss.backward()
    # what is guessed is a target, which is not learned
    torch.testing.assert_close(model.linear.weight.grad, *torch.autograd.grad(expected, model.linear.weight))


@pytest.mark.parametrize("all_trusted", [True, False])
def test_a_batch_of_one_kind_has_a_loss_too(all_trusted) -> None:
    torch.manual_seed(0)
    batch = rows(torch.rand(5, 1, 2, 2), 5)
    batch.labels.clamp_(min=0)
    loss = objective(torch.full((5,), all_trusted))(Linear(), batch)
    loss.backward()
    assert loss.isfinite()
    assert loss > 0


def test_guessing_under_autocast_leaves_the_gradient() -> None:
    torch.manual_seed(0)
    model = Linear()
    with torch.autocast("cpu", torch.bfloat16):
        loss = objective()(model, rows(torch.rand(5, 1, 2, 2), 5))
    loss.backward()
    assert model.linear.weight.grad is not None
    assert model.linear.weight.grad.abs().sum() > 0
