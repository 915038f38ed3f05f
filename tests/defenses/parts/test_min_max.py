import pytest
import torch
from helpers.batch_norms import bn_network, by_hand
from helpers.tiny_backdoor import classifier
from torch.nn import functional as F

from backdoor_pipeline.defenses.parts.min_max import MinMax
from backdoor_pipeline.defenses.parts.neuron_masks import NeuronMasks, Noise
from backdoor_pipeline.training import Batch


@pytest.fixture
def masked() -> NeuronMasks:
    return NeuronMasks(classifier(bn_network(), size=8, classes=3)).train()


@pytest.fixture
def batch() -> Batch:
    draws = torch.Generator().manual_seed(1)
    images, rows = torch.rand(12, 3, 8, 8, generator=draws), torch.arange(12)
    return Batch(images, rows % 3, rows, epoch=1, step=0)


def loss(masked: NeuronMasks, batch: Batch, noise: Noise | None) -> torch.Tensor:
    return F.cross_entropy(masked(batch.inputs, noise), batch.labels)


def test_one_step_follows_the_sign_of_the_gradient_by_hand(masked, batch) -> None:
    torch.manual_seed(5)
    start = [(2 * torch.rand(9) - 1) * 0.4 for _ in range(2)]
    torch.manual_seed(5)
    worst = MinMax(epsilon=0.4, steps=1, alpha=0.2).worst_noise(masked, batch)

    delta, xi = (part.requires_grad_() for part in start)
    network = bn_network()
    first, second = network[1], network[4]
    logits = by_hand(
        network, batch.inputs,
        ((1 + delta[:4]) * first.weight, (1 + delta[4:]) * second.weight),
        ((1 + xi[:4]) * first.bias, (1 + xi[4:]) * second.bias),
    )  # fmt: skip
    up = torch.autograd.grad(F.cross_entropy(logits, batch.labels), (delta, xi))
    for found, begin, gradient in zip(worst, start, up, strict=True):
        assert torch.allclose(found, (begin + 0.4 * gradient.sign()).clamp(-0.4, 0.4).detach(), atol=1e-6)
    assert loss(masked, batch, worst) > loss(masked, batch, Noise(*start)) + 0.01


@pytest.mark.parametrize("steps", [1, 4])
def test_the_noise_raises_the_loss_within_its_bounds(masked, batch, steps: int) -> None:
    torch.manual_seed(0)
    worst = MinMax(epsilon=0.3, steps=steps, alpha=0.2).worst_noise(masked, batch)
    assert all(part.abs().max() <= 0.3 for part in worst)
    assert loss(masked, batch, worst) > loss(masked, batch, None) + 0.01
    assert not any(part.requires_grad for part in worst)


def test_alpha_weighs_the_two_losses(masked, batch) -> None:
    def total(alpha: float) -> torch.Tensor:
        torch.manual_seed(2)
        return MinMax(0.4, 1, alpha)(masked, batch)

    torch.manual_seed(2)
    worst = MinMax(0.4, 1, 0.2).worst_noise(masked, batch)
    natural, noisy = loss(masked, batch, None), loss(masked, batch, worst)
    assert total(1.0).item() == pytest.approx(natural.item(), rel=1e-5)
    assert total(0.2).item() == pytest.approx((0.2 * natural + 0.8 * noisy).item(), rel=1e-5)


def test_masks_beyond_the_unit_interval_are_put_back_before_each_step(masked, batch) -> None:
    with torch.no_grad():
        masked.mask.copy_(torch.linspace(-0.5, 1.5, 9))
    MinMax(0.4, 1, 0.2)(masked, batch)
    assert torch.equal(masked.mask, torch.linspace(-0.5, 1.5, 9).clamp(0, 1))


def test_the_gradient_reaches_the_masks_and_accuracy_is_reported_without_noise(masked, batch) -> None:
    MinMax(0.4, 1, 0.2)(masked, batch).backward()
    assert masked.mask.grad.abs().min() > 0
    right = (masked(batch.inputs).argmax(1) == batch.labels).sum()
    assert batch.correct.item() == pytest.approx(right.item())
