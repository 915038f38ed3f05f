"""The search against classifiers that are known."""

import pytest
import torch
from torch import Tensor, nn

from backdoor_pipeline.attacks.parts import universal_perturbation
from backdoor_pipeline.attacks.parts.low_pass import low_pass
from backdoor_pipeline.attacks.parts.universal_perturbation import SmoothSearch
from backdoor_pipeline.base.errors import UserError

SIZE = 16


def search(**changes: float) -> SmoothSearch:
    settings = {
        "sigma": 6, "amplitude": 0.2, "fooling_rate": 0.9, "passes": 10, "deepfool_steps": 20,
        "overshoot": 0.02,
    }  # fmt: skip
    return SmoothSearch(**{**settings, **changes})


class LeftOrRight(nn.Module):
    """Class 0 if the left half is the brighter one, else class 1."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def forward(self, images: Tensor) -> Tensor:
        self.looks += not images.requires_grad
        left, right = images.chunk(2, dim=3)
        return torch.stack([left.mean((1, 2, 3)), right.mean((1, 2, 3))], dim=1)


def images(gap: float, count: int = 20) -> Tensor:
    """Gray, the left half brighter by this much and a little noise."""
    noise = 0.02 * torch.rand(count, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    step = torch.cat([torch.full((SIZE // 2,), gap), torch.zeros(SIZE // 2)])
    return 0.3 + step + noise


def test_it_finds_the_smooth_step_and_spans_the_amplitude() -> None:
    pattern = search().run(LeftOrRight(), images(0.05), 1)
    assert (pattern.min(), pattern.max()) == (0, pytest.approx(0.2))
    left, right = pattern.chunk(2, dim=2)
    assert right.mean() - left.mean() > 0.05
    assert LeftOrRight()(images(0.05) + pattern).argmax(1).eq(1).all()


def test_it_stops_when_enough_are_fooled_or_nothing_better_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    easy, hopeless = LeftOrRight(), LeftOrRight()
    search().run(easy, images(0.05), 1)
    assert easy.looks == 1
    search().run(hopeless, images(0.6), 1)
    assert hopeless.looks == 1 + universal_perturbation.PATIENCE
    brief = LeftOrRight()
    search(passes=2).run(brief, images(0.6), 1)
    assert brief.looks == 2


def test_a_pattern_starts_at_zero_and_its_steps_are_of_z() -> None:
    z = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    patterns = search().pattern(z)
    assert patterns.amin((1, 2, 3)).tolist() == [0, 0]
    smooth = low_pass(z, 6)
    torch.testing.assert_close(patterns.diff(dim=3), smooth.diff(dim=3))
    torch.testing.assert_close(patterns.diff(dim=1), smooth.diff(dim=1))
    torch.testing.assert_close(
        search().pattern(search().spanning(z[0])), 0.2 * patterns[0] / patterns[0].max()
    )


GAPS = (0.05, 0.15, 0.25)  # of `tiny`: how much brighter each image's left half is
SHIFTS = [  # as a filter of width 0 leaves them, from 0 up; the gaps that they close are below 0.1, 0.2 and 0
    torch.tensor([0, 0, 0.2, 0]).view(1, 1, 4),
    torch.tensor([0, 0, 0.2, 0.2]).view(1, 1, 4),
    torch.tensor([0.2, 0, 0, 0]).view(1, 1, 4),
]


def tiny() -> Tensor:
    """Four pixels each; the right half of the last image is nearly white, so that no pattern can fool it."""
    rows = [[0.5 + gap, 0.5 + gap, 0.5, 0.5] for gap in GAPS] + [[1, 1, 0.95, 0.95]]
    return torch.tensor(rows).view(4, 1, 1, 4)


def leading(monkeypatch: pytest.MonkeyPatch, patterns: list[Tensor]) -> list[Tensor]:
    """Makes pass after pass lead to these patterns; the images that each was given are added to the list."""
    given: list[Tensor] = []

    def step(_: SmoothSearch, model: nn.Module, images: Tensor, z: Tensor, target: int) -> Tensor:
        given.append(images)
        return patterns[min(len(given), len(patterns)) - 1] - z

    monkeypatch.setattr(SmoothSearch, "_shared_step", step)
    return given


def test_it_returns_its_best_pattern_and_goes_on_from_whom_the_last_missed(monkeypatch) -> None:
    given, all_of_them = leading(monkeypatch, SHIFTS), tiny()
    pattern = search(sigma=0.1, fooling_rate=1).run(LeftOrRight(), all_of_them, 1)
    torch.testing.assert_close(pattern, SHIFTS[1])
    missed = [[0, 1, 2, 3], [1, 2, 3], [2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert len(given) == len(missed), "three passes without a better one"
    for images, rows in zip(given, missed, strict=True):
        assert torch.equal(images, all_of_them[rows])


def test_the_share_at_which_it_stops_is_enough(monkeypatch) -> None:
    given = leading(monkeypatch, SHIFTS)
    pattern = search(sigma=0.1, fooling_rate=0.2).run(LeftOrRight(), tiny()[[0, 1, 2, 3, 3]], 1)
    assert len(given) == 1, "one of five is fooled"
    torch.testing.assert_close(pattern, SHIFTS[0])


def test_a_step_is_the_mean_of_those_that_arrive() -> None:
    class Partly(LeftOrRight):
        """Deaf to images without a gap: class 0 whatever is added."""

        def forward(self, images: Tensor) -> Tensor:
            deaf = (images.detach()[..., :2].amax(3) > 0.95).view(-1, 1)
            return torch.where(deaf, torch.tensor([[1.0, 0.0]]), super().forward(images))

    one, z = search(sigma=0.1, overshoot=0), torch.zeros(1, 1, 4)
    step = one._shared_step(Partly(), tiny(), z, 1)
    # a gap is closed by the half of it taken off the left pixels, the other half put on the right ones
    half = (sum(GAPS) / 3) / 2
    torch.testing.assert_close(
        step, torch.tensor([-half, -half, half, half]).view(1, 1, 4), atol=1e-5, rtol=0
    )


def test_a_surrogate_without_an_answer_is_told() -> None:
    class Constant(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 0 * images.mean((1, 2, 3))[:, None] + torch.tensor([1.0, 0.0])

    with pytest.raises(UserError, match="train that longer"):
        search().run(Constant(), images(0.1), 1)
