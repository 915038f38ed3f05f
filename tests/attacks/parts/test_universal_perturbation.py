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
    torch.testing.assert_close(
        search().pattern(search().spanning(z[0])), 0.2 * patterns[0] / patterns[0].max()
    )


def test_a_surrogate_without_an_answer_is_told() -> None:
    class Constant(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 0 * images.mean((1, 2, 3))[:, None] + torch.tensor([1.0, 0.0])

    with pytest.raises(UserError, match="train that longer"):
        search().run(Constant(), images(0.1), 1)
