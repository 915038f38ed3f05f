import math

import pytest
import torch

from backdoor_pipeline.defenses.parts.sce import symmetric_cross_entropy


def test_by_hand() -> None:
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]).double().log()
    labels = torch.tensor([0, 2])
    log_zero = math.log(1e-4)
    expected = [
        0.1 * -math.log(0.7) + 2 * -(0.2 + 0.1) * log_zero,
        0.1 * -math.log(0.1) + 2 * -(0.7 + 0.2) * log_zero,
    ]
    assert symmetric_cross_entropy(logits, labels, 0.1, 2).tolist() == pytest.approx(expected)


def test_without_its_reverse_part_it_is_the_cross_entropy() -> None:
    logits, labels = torch.randn(5, 4), torch.tensor([0, 1, 2, 3, 0])
    plain = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    assert torch.allclose(symmetric_cross_entropy(logits, labels, 1, 0), plain)


def test_the_reverse_part_is_bounded() -> None:
    wrong = torch.tensor([[100.0, 0.0]]).double()
    assert symmetric_cross_entropy(wrong, torch.tensor([1]), 0, 1).item() == pytest.approx(-math.log(1e-4))
