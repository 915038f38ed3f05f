import math

import pytest
import torch
from torch import Tensor, nn

from backdoor_pipeline.attacks.parts.steganography import LIMIT, Decoder, Encoder, Steganography
from backdoor_pipeline.attacks.parts.steganography_loss import (
    SteganographyLoss,
    dissimilarity,
    distance,
    likeness,
    paired_bits,
    readability,
    uneven_noise,
)
from backdoor_pipeline.attacks.parts.stored import as_stored
from backdoor_pipeline.training.objective import Batch


@pytest.mark.parametrize(
    ("channels", "height", "width"), [(1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 31, 45)]
)
def test_networks_take_images_of_any_size(channels: int, height: int, width: int) -> None:
    images, bits = torch.rand(2, channels, height, width), torch.ones(2, 5)
    assert Encoder(channels, 5, 2)(images, bits).shape == images.shape
    assert Decoder(channels, 5, 2)(images).shape == (2, 5)


def test_a_small_residual_is_proportional_to_brightness_and_black_stays_black() -> None:
    torch.manual_seed(0)
    encoder, images, bits = Encoder(3, 4, 4), torch.rand(2, 3, 16, 16), torch.tensor([[0.0, 1, 1, 0]] * 2)
    residual = encoder(images / 10, bits)
    assert residual.abs().max() > 0
    assert torch.allclose(encoder(images / 20, bits), residual / 2, rtol=0.02, atol=1e-6)
    assert not encoder(torch.zeros(1, 3, 16, 16), bits[:1]).any()


def test_bits_change_whole_gray_levels_from_the_start() -> None:
    torch.manual_seed(0)
    encoder, images, bits = Encoder(1, 20, 16), torch.rand(8, 1, 28, 28) / 2, torch.zeros(8, 20)
    change = encoder(images, bits) - encoder(images, 1 - bits)
    assert change.square().mean().sqrt() > 1 / 255


def test_noise_is_as_strong_as_each_image_drew_it() -> None:
    torch.manual_seed(0)
    strengths = uneven_noise(torch.zeros(1000, 3, 16, 16)).flatten(1).std(dim=1)
    assert strengths.max() < 1.1
    assert strengths.mean().item() == pytest.approx(0.5, abs=0.05)
    assert strengths.std().item() == pytest.approx(12**-0.5, abs=0.03)


def test_no_residual_exceeds_the_limit() -> None:
    encoder = Encoder(3, 4, 4)
    with torch.no_grad():
        encoder.residual.weight.mul_(1e4)
    assert encoder(torch.rand(2, 3, 16, 16), torch.ones(2, 4)).abs().max() <= LIMIT


def test_every_bit_and_the_image_shape_the_residual() -> None:
    torch.manual_seed(0)
    encoder, image = Encoder(3, 4, 4), torch.rand(1, 3, 16, 16).expand(5, -1, -1, -1)
    bits = torch.cat([torch.zeros(1, 4), torch.eye(4)])
    residuals = encoder(image, bits).flatten(1)
    assert (torch.cdist(residuals, residuals) + torch.eye(5) > 1e-4).all()
    other = encoder(torch.rand(1, 3, 16, 16), bits[:1]).flatten(1)
    assert (other - residuals[:1]).norm() > 1e-3


def test_the_decoder_reads_what_was_stored_under_noise() -> None:
    networks = Steganography(3, 4, 2)
    images, bits, noise = torch.rand(2, 3, 16, 16), torch.zeros(2, 4), torch.rand(2, 3, 16, 16)
    changed, logits = networks(images, bits, noise)
    assert torch.equal(changed, images + networks.encoder(images, bits))
    assert torch.equal(logits, networks.decoder(as_stored(changed) + noise))


def test_a_tint_costs_more_than_texture_of_the_same_energy() -> None:
    clean = torch.full((1, 3, 8, 8), 0.5)
    checkers = 0.1 * (1 - 2.0 * (torch.arange(8)[:, None] + torch.arange(8)).remainder(2))
    assert distance(clean, clean).item() == 0
    assert distance(clean, clean + 0.1).item() == pytest.approx(21 * 0.01)
    assert distance(clean, clean + checkers).item() == pytest.approx(0.01)


def test_dissimilarity_of_flat_images_is_that_of_their_brightness() -> None:
    dark, light = torch.full((2, 1, 16, 16), 0.2), torch.full((2, 1, 16, 16), 0.6)
    by_hand = 1 - (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert dissimilarity(dark, light).item() == pytest.approx(by_hand, rel=1e-4)
    assert dissimilarity(dark, dark).item() == pytest.approx(0, abs=1e-6)


def test_a_residual_hides_where_there_is_structure() -> None:
    torch.manual_seed(0)
    flat, rough = torch.full((1, 1, 32, 32), 0.5), 0.3 + 0.4 * torch.rand(1, 1, 32, 32)
    residual = 0.03 * torch.randn(1, 1, 32, 32)
    assert dissimilarity(flat, flat + residual) > 4 * dissimilarity(rough, rough + residual)


@pytest.mark.parametrize(("step", "share"), [(0, 0), (5, 0.25), (10, 0.5), (20, 1), (99, 1)])
def test_the_ramp_rises_linearly(step: int, share: float) -> None:
    assert SteganographyLoss(4, 0.1, 1, 1, 1, ramp=20).share(step) == share


@pytest.mark.parametrize("images", [2, 7, 8])
def test_pairs_share_their_bits(images: int) -> None:
    bits = paired_bits(images, 40, torch.device("cpu"))
    assert bits.shape == (images, 40)
    pairs = images // 2
    assert torch.equal(bits[:pairs], bits[-pairs:])
    assert len(bits.unique(dim=0)) == images - pairs


def test_likeness_compares_each_pair() -> None:
    residuals = torch.zeros(5, 1, 1, 2)
    residuals[:, 0, 0] = torch.tensor([[1.0, 0], [2, 2], [9, 9], [0, 3], [-1, 0]])  # the third has no partner
    assert likeness(residuals).item() == pytest.approx((0 + 0.5) / 2)


def test_image_losses_count_as_far_as_bits_are_read() -> None:
    bits = torch.tensor([[0, 1, 0, 1, 0, 1, 0, 1]])
    right = 2.0 * bits - 1

    def with_wrong(count: int) -> float:
        logits = right.clone()
        logits[0, :count] *= -1
        return readability(logits, bits).item()

    assert [with_wrong(count) for count in (0, 1, 2, 3, 8)] == [1, 0.5, 0, 0, 0]


class Brightening(nn.Module):
    """Adds 0.1 everywhere and reads all bits with logits of 1 or -1, of every tenth image wrongly."""

    def forward(self, images: Tensor, bits: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        self.noise, logits = noise, 2 * bits - 1
        logits[::10] *= -1
        return images + 0.1, logits


@pytest.mark.parametrize(("step", "share"), [(0, 0), (5, 0.5), (10, 1)])
def test_the_loss_by_hand(step: int, share: float) -> None:
    torch.manual_seed(0)
    model, images = Brightening(), torch.rand(100, 1, 16, 16) / 2
    batch = Batch(images, torch.zeros(100, dtype=torch.int64), torch.arange(100), 1, step)
    total = SteganographyLoss(8, 0.2, 3, 5, 0.25, ramp=10)(model, batch)
    message = 0.9 * math.log1p(math.exp(-1)) + 0.1 * math.log1p(math.exp(1))
    image = 3 * 21 * 0.01 + 5 * dissimilarity(images, images + 0.1).item() + 0.25  # all residuals are alike
    assert total.item() == pytest.approx(message + share * 0.6 * image, rel=1e-4)
    assert model.noise.std().item() == pytest.approx(0.2 * share * 3**-0.5, rel=0.1)
    assert batch.correct is not None
    assert batch.correct.item() == pytest.approx(90)
