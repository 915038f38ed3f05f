import math

import pytest
import torch

from backdoor_pipeline.defenses.parts.contrastive import Projected, SimCLR, nt_xent
from backdoor_pipeline.defenses.parts.ssl_augment import ViewAugmentation
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Batch


def test_two_pairs_by_hand() -> None:
    # directions at 0 and 90 degrees (first views), 60 and 90 degrees (second views); lengths must not count
    first = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    second = torch.tensor([[0.5, 0.5 * 3**0.5], [0.0, 1.0]])
    half, root = 0.5, 3**0.5 / 2  # cos 60, cos 30

    def loss(partner: float, *others: float) -> float:
        """Minus the logarithm of the partner's share, at temperature 0.5."""
        return -math.log(math.exp(partner / 0.5) / sum(math.exp(s / 0.5) for s in (partner, *others)))

    expected = (
        loss(half, 0, 0)  # a1: a2 at 60 degrees, b1 and b2 at 90
        + loss(1, 0, root)  # b1: b2 at 0, a1 at 90, a2 at 30
        + loss(half, root, root)  # a2: a1 at 60, b1 and b2 at 30
        + loss(1, 0, root)  # b2: b1 at 0, a1 at 90, a2 at 30
    ) / 4
    assert nt_xent(first, second, 0.5).item() == pytest.approx(expected, rel=1e-5)


def test_bfloat16_embeddings_are_compared_in_float32() -> None:
    first, second = torch.randn(4, 8).bfloat16(), torch.randn(4, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = nt_xent(first, second, 0.5)
    assert torch.equal(loss, nt_xent(first.float(), second.float(), 0.5))


def test_the_backbone_learns_and_the_head_does_not() -> None:
    model = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    projected = Projected(model, 16)
    images = torch.rand(6, 3, 32, 32)
    assert projected(images).shape == (6, 16)
    views = ViewAugmentation(
        min_area=0.2, max_stretch=1.3, jitter_share=1, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
        gray_share=0.2,
    )  # fmt: skip
    batch = Batch(images, torch.zeros(6, dtype=torch.int64), torch.arange(6), epoch=1, step=0)
    SimCLR(views, mirror=True, temperature=0.5)(projected, batch).backward()
    assert all(weight.grad is not None for weight in model.backbone.parameters())
    assert all(weight.grad is not None for weight in projected.projection.parameters())
    assert all(weight.grad is None for weight in model.head.parameters())


def test_the_two_views_of_an_image_are_drawn_apart() -> None:
    class Watcher(torch.nn.Module):
        def forward(self, images):
            self.images = images
            return images.flatten(1)

    watcher, images = Watcher(), torch.rand(8, 3, 8, 8)
    batch = Batch(images, torch.zeros(8, dtype=torch.int64), torch.arange(8), epoch=1, step=0)
    views = ViewAugmentation(
        min_area=0.2,
        max_stretch=1.3,
        jitter_share=1,
        brightness=0.4,
        contrast=0,
        saturation=0,
        hue=0,
        gray_share=0,
    )
    SimCLR(views, mirror=True, temperature=0.5)(watcher, batch)
    first, second = watcher.images.chunk(2)
    assert first.shape == images.shape
    assert ((first - second).abs() > 0.01).flatten(1).any(1).all()


def test_what_both_views_see_alike_costs_less() -> None:
    class Means(torch.nn.Module):
        def forward(self, images):
            return images.mean((2, 3)) - 0.5

    images = torch.rand(8, 3, 1, 1).expand(8, 3, 16, 16)
    batch = Batch(images, torch.zeros(8, dtype=torch.int64), torch.arange(8), epoch=1, step=0)
    still = ViewAugmentation(
        min_area=1, max_stretch=1, jitter_share=0, brightness=0, contrast=0, saturation=0, hue=0, gray_share=0
    )
    alike = SimCLR(still, mirror=True, temperature=0.5)(Means(), batch)
    gray = still.model_copy(update={"gray_share": 0.5})
    assert alike < SimCLR(gray, mirror=True, temperature=0.5)(Means(), batch)
