import math

import pytest
import torch
from helpers.made_models import classifier, linear_on_pixels
from torch import nn

from backdoor_pipeline.analysis.frequency import channel_gradients, frequency_gradient, frequency_saliency

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


@pytest.mark.parametrize("form", ["figure", "equations"])
def test_low_frequencies_are_in_the_center_and_high_ones_at_the_edge(form) -> None:
    chessboard = (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))
    stripes = torch.cos(2 * torch.pi * torch.arange(8) / 8).expand(8, 8)  # one wave across the image
    for pattern, places in (
        (torch.ones(8, 8), {(4, 4)}),
        (chessboard, {(0, 0)}),
        (stripes, {(4, 3), (4, 5)}),
    ):
        model = linear_on_pixels(pattern[None])
        (saliency,) = frequency_saliency(model, torch.rand(1, 1, 8, 8), torch.tensor([1]), form)
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


# on 2x2 pixels: of the four waves, along rows and columns, how much there is of each
WAVES = torch.stack([torch.ones(2, 2), torch.tensor([[1.0, -1], [1, -1]]), torch.tensor([[1.0, 1], [-1, -1]]),
                     torch.tensor([[1.0, -1], [-1, 1]])])  # fmt: skip


def made_of(*amounts: float) -> torch.Tensor:
    return (torch.tensor(amounts).view(4, 1, 1) * WAVES).sum(0)


def test_the_figure_has_the_mean_of_each_channels_log_magnitudes() -> None:
    # log magnitudes, less log 4: 0, 1, 2, 3 of the first channel, 3, 3, 3, 3 of the second; 0..1 over both
    weight = torch.stack([made_of(1, math.e, math.e**2, math.e**3), made_of(*4 * (math.e**3,))])
    image = torch.rand(1, 2, 2, 2)
    (figure,) = frequency_saliency(linear_on_pixels(weight), image, torch.tensor([1]), "figure")
    expected = torch.tensor([[0.5, 2 / 3], [5 / 6, 1.0]])  # frequency 0 first
    assert torch.allclose(figure, torch.fft.fftshift(expected), atol=1e-5)
    # magnitudes of the mean: 1, e, e^2, e^3, each and e^3, halved; they are in phase
    (equations,) = frequency_saliency(linear_on_pixels(weight), image, torch.tensor([1]), "equations")
    plain = torch.tensor([[0.0, math.e - 1], [math.e**2 - 1, math.e**3 - 1]]) / (math.e**3 - 1)
    assert torch.allclose(equations, torch.fft.fftshift(plain), atol=1e-5)


def test_the_figure_is_of_the_normalized_image() -> None:
    """As there: what channels are divided by has no say, though it scales the gradients of the pixels."""
    weight = torch.stack([made_of(1, 2, 3, 4), made_of(4, 3, 2, 5)])
    model, image, one = linear_on_pixels(weight), torch.rand(1, 2, 2, 2), torch.tensor([1])
    plain = frequency_saliency(model, image, one, "figure")
    equations = frequency_saliency(model, image, one, "equations")
    model.std.copy_(torch.tensor([0.25, 4.0]).view(1, 2, 1, 1))
    assert torch.allclose(frequency_saliency(model, image, one, "figure"), plain, atol=1e-5)
    assert not torch.allclose(frequency_saliency(model, image, one, "equations"), equations, atol=1e-2)


def test_the_figure_does_not_let_channels_cancel() -> None:
    opposed = torch.stack([made_of(1, 2, 3, 4), made_of(-1, -2, -3, -4)])
    image = torch.rand(1, 2, 2, 2)
    gradients = channel_gradients(linear_on_pixels(opposed), image, torch.tensor([1]))
    assert torch.allclose(gradients[:, 0], -gradients[:, 1])
    (figure,) = frequency_saliency(linear_on_pixels(opposed), image, torch.tensor([1]), "figure")
    logs = torch.tensor([[1.0, 2], [3, 4]]).log() / math.log(4)
    assert torch.allclose(figure, torch.fft.fftshift(logs), atol=1e-5)


@pytest.mark.parametrize("form", ["figure", "equations"])
def test_a_class_that_nothing_moves_has_an_empty_map(form) -> None:
    model = linear_on_pixels(torch.ones(1, 8, 8))
    saliency = frequency_saliency(model, torch.rand(1, 1, 8, 8), torch.tensor([0]), form)
    assert torch.equal(saliency, torch.zeros(1, 8, 8))
