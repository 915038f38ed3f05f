import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from backdoor_pipeline.attacks.parts.pgd import PGD, perturb, perturb_bytes
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Engine, Trainer


class Linear(nn.Module):
    """Two classes on a 1 x 1 x 3 image; the second one's logit is w . x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, -1.0, 0.5]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logit = images.flatten(1) @ self.weight
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def picture(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def small_net() -> nn.Module:
    spec = {"num_classes": 4, "channels": 3, "image_size": 16, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    return build_model("resnet8", seed=0, options=ModelOptions(pretrained=None), **spec).eval()


def test_sign_steps_on_a_linear_model() -> None:
    # away from class 1 is against the sign of w: -, +, -; three steps of 10 end at the ball's edge, 25
    image = picture(0.5, 0.5, 0.5)

    def moved(label: int, steps: int) -> torch.Tensor:
        pgd = PGD(epsilon=25, step=10, steps=steps)
        return (perturb(Linear(), image, torch.tensor([label]), pgd, random_start=False) - image) * 255

    torch.testing.assert_close(moved(1, steps=2), picture(-20.0, 20.0, -20.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(moved(1, steps=3), picture(-25.0, 25.0, -25.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(moved(0, steps=5), picture(25.0, -25.0, 25.0), atol=1e-3, rtol=0)


def test_pixels_stay_in_the_range() -> None:
    pgd, edges = PGD(epsilon=51, step=51, steps=3), picture(0.01, 0.99, 0.0)
    found = perturb(Linear(), edges, torch.tensor([1]), pgd, random_start=False)
    torch.testing.assert_close(found, picture(0.0, 1.0, 0.0))


def test_weights_get_no_gradients_and_images_stay() -> None:
    model, image = Linear(), picture(0.5, 0.5, 0.5)
    perturb(model, image, torch.tensor([1]), PGD(epsilon=8, step=2, steps=2), random_start=True)
    assert model.weight.grad is None
    assert torch.equal(image, picture(0.5, 0.5, 0.5))
    assert not image.requires_grad


@pytest.mark.parametrize("random_start", [False, True])
def test_the_loss_rises_within_the_ball(random_start: bool) -> None:
    model, labels = small_net(), torch.arange(12) % 4
    images = torch.rand(12, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    found = perturb(model, images, labels, PGD(epsilon=8, step=2, steps=8), random_start=random_start)
    assert (found - images).abs().max() <= 8 / 255 + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1
    before, after = (F.cross_entropy(model(x), labels, reduction="none") for x in (images, found))
    assert (after > before).all()


def test_the_random_start_is_in_the_ball_and_follows_the_global_state() -> None:
    images = torch.full((400, 1, 1, 3), 0.5)
    still = PGD(epsilon=20, step=1e-4, steps=1)

    def start(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return perturb(Linear(), images, torch.zeros(400, dtype=torch.int64), still, random_start=True)

    moved = (start(0) - images) * 255
    assert moved.abs().max() <= 20.001
    assert moved.max() > 19
    assert moved.min() < -19
    assert moved.mean().abs() < 1.5  # uniform: standard deviation of the mean is 0.33
    assert torch.equal(start(0), start(0))
    assert not torch.equal(start(0), start(1))


@given(epsilon=st.floats(0.6, 40), step=st.floats(0.3, 60), seed=st.integers(0, 99))
def test_rounding_does_not_leave_the_ball(epsilon: float, step: float, seed: int) -> None:
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    images = noise(5, 1, 1, 3, seed=seed)
    pgd = PGD(epsilon=epsilon, step=step, steps=3)
    labels = torch.arange(5) % 2
    found = perturb_bytes(Trainer(engine, None), Linear(), images, labels, pgd, batch_size=2)
    assert found.dtype == torch.uint8
    assert (found.int() - images.int()).abs().max() <= epsilon


def test_the_batch_size_changes_nothing(trainer) -> None:
    images = noise(7, 3, 16, 16, seed=2)
    labels, pgd, model = torch.arange(7) % 4, PGD(epsilon=8, step=2, steps=3), small_net().train()
    whole = perturb_bytes(trainer, model, images, labels, pgd, batch_size=7)
    parts = perturb_bytes(trainer, model, images, labels, pgd, batch_size=3)
    # sums in another order may turn the sign of a gradient that is almost 0
    assert (whole != parts).float().mean() < 0.002
    assert model.training, "the model is given back as it was"
    assert (whole != images).float().mean() > 0.9
    assert perturb_bytes(trainer, model, images[:0], labels[:0], pgd, batch_size=3).shape == (0, 3, 16, 16)
