import pytest
import torch
from helpers.made_models import classifier, linear_on_pixels
from torch import nn

from backdoor_pipeline.analysis.frequency import frequency_gradient, frequency_saliency

HEIGHT, WIDTH, STEP = 6, 4, 1e-5


@pytest.fixture(scope="module")
def smooth():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(4 * HEIGHT * WIDTH, 3)]
    return classifier(*layers, channels=3, classes=3, mean=0.4).double()


def logit(model, spectrum, label):
    """Of the image that the waves sum to (equation 1)."""
    image = torch.fft.ifft2(spectrum, norm="forward")
    assert image.imag.abs().max() < 1e-12
    return model(image.real)[0, label].item()


def test_it_is_what_finite_differences_in_the_frequency_domain_say(smooth) -> None:
    image = torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)
    spectrum = torch.fft.fft2(image, norm="forward")
    found = frequency_gradient(smooth, image, torch.tensor([1]))[0]
    for u in range(HEIGHT):
        for v in range(WIDTH):
            mirror = -u % HEIGHT, -v % WIDTH
            waves = 1 if (u, v) == mirror else 2  # a real image holds each wave with its conjugate

            def slope(change, u=u, v=v, mirror=mirror):
                rises = []
                for sign in (1, -1):
                    moved = spectrum.clone()
                    moved[0, :, u, v] += sign * change / 3  # the mean over three channels
                    if (u, v) != mirror:
                        moved[0, :, *mirror] += sign * change.conjugate() / 3
                    rises.append(logit(smooth, moved, 1))
                return (rises[0] - rises[1]) / (2 * STEP)

            assert slope(complex(STEP, 0)) / waves == pytest.approx(found[u, v].real.item(), abs=1e-8)
            if (u, v) != mirror:
                assert -slope(complex(0, STEP)) / waves == pytest.approx(found[u, v].imag.item(), abs=1e-8)


def test_low_frequencies_are_in_the_center_and_high_ones_at_the_edge() -> None:
    chessboard = (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))
    stripes = torch.cos(2 * torch.pi * torch.arange(8) / 8).expand(8, 8)  # one wave across the image
    for pattern, places in (
        (torch.ones(8, 8), {(4, 4)}),
        (chessboard, {(0, 0)}),
        (stripes, {(4, 3), (4, 5)}),
    ):
        model = linear_on_pixels(pattern[None])
        (saliency,) = frequency_saliency(model, torch.rand(1, 1, 8, 8), torch.tensor([1]))
        assert {tuple(place) for place in (saliency > 0.5).nonzero().tolist()} == places
        assert saliency.max() == 1
        assert saliency.min() == 0


def test_channels_are_averaged_before_the_magnitude_is_taken() -> None:
    opposed = torch.stack([torch.ones(8, 8), -torch.ones(8, 8)]).repeat(2, 1, 1)[:3] * torch.tensor(
        [1.0, 1.0, 0.0]
    ).view(3, 1, 1)
    image = torch.rand(1, 3, 8, 8)
    gradient = frequency_gradient(linear_on_pixels(opposed), image, torch.tensor([1]))
    assert gradient.abs().max() < 1e-5, "what two channels say against each other"
    one = frequency_gradient(linear_on_pixels(opposed.clamp(min=0)), image, torch.tensor([1]))
    assert one[0, 0, 0].real == pytest.approx(64 / 3)


def test_a_class_that_nothing_moves_has_an_empty_map() -> None:
    model = linear_on_pixels(torch.ones(1, 8, 8))
    saliency = frequency_saliency(model, torch.rand(1, 1, 8, 8), torch.tensor([0]))
    assert torch.equal(saliency, torch.zeros(1, 8, 8))
