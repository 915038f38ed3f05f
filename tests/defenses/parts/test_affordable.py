"""Which state of an unlearning is handed back."""

import pytest
import torch
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.parts.affordable import Affordable

PIXELS = torch.zeros(4, 1, 1, 1, dtype=torch.uint8)
CLEAN = ImageSet(PIXELS, torch.tensor([0, 0, 1, 1]), ("a", "b"))
ISOLATED = ImageSet(PIXELS[:1], torch.tensor([0]), ("a", "b"))


class Scripted:
    """Right clean images, and the isolated one's wrong logit, by the state that the model's weight names."""

    def __init__(self, states: list[tuple[int, float]]) -> None:
        self.states = states

    def predict(self, model, images):
        right = self.states[int(model.weight)][0]
        return torch.cat([CLEAN.labels[:right], 1 - CLEAN.labels[right:]])

    def logits(self, model, images):
        return torch.tensor([[0.0, self.states[int(model.weight)][1]]])


class Numbered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))


def chosen(states: list[tuple[int, float]], allowed: float) -> int:
    model = Numbered()
    bounded = Affordable(Scripted(states), model, ISOLATED, CLEAN, allowed)
    for number in range(1, len(states)):
        with torch.no_grad():
            model.weight.fill_(number)
        noted = bounded.note(number, model)
        assert noted["clean_accuracy"] == states[number][0] / 4
    bounded.restore()
    return int(model.weight)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(0.0, 2), (0.25, 3), (0.5, 4), (0.24, 2)],
)
def test_the_most_forgotten_within_the_cost_is_handed_back(allowed: float, expected: int) -> None:
    """The last state has learned again what it had forgotten."""
    assert chosen([(4, -5.0), (4, -1.0), (4, 0.0), (3, 2.0), (2, 5.0), (4, -2.0)], allowed) == expected


def test_what_costs_too_much_from_the_first_step_leaves_the_model_as_it_was() -> None:
    assert chosen([(4, -5.0), (2, 9.0), (1, 9.0)], 0.25) == 0


def test_accuracies_that_differ_by_the_allowed_cost_alone_are_allowed() -> None:
    assert chosen([(3, -5.0), (2, 1.0)], 0.25) == 1  # 0.75 - 0.25 must not miss 0.5
