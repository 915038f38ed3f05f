import pytest
import torch

from backdoor_pipeline.defenses.parts.reclassification import Reclassified, shares


def predicted(**counts: int) -> torch.Tensor:
    """Labels such as k3=2: two predictions of class 3."""
    return torch.cat([torch.full((n,), int(name[1:])) for name, n in counts.items()])


@pytest.mark.parametrize(
    ("answers", "found", "poisonous"),
    [
        (predicted(k2=9, k0=1), (10, 9, 1), False),  # 9 / 1
        (predicted(k2=1, k0=6, k1=3), (10, 1, 6), True),  # 1 / 6
        (predicted(k2=3, k0=2, k1=2, k4=2), (9, 3, 2), False),  # by the largest of the others, not by all
        (predicted(k2=5), (5, 5, 0), False),
        (predicted(k2=2, k0=2), (4, 2, 2), False),  # 1 is not below 1
        (predicted(k0=4), (4, 0, 4), True),
    ],
)
def test_label_against_the_commonest_other(answers, found, poisonous) -> None:
    one = Reclassified.of(answers, 2)
    assert (one.rows, one.as_labeled, one.as_other) == found
    assert one.poisonous(1) is poisonous


def test_a_higher_threshold_convicts_more() -> None:
    one = Reclassified(rows=30, as_labeled=18, as_other=6)
    assert [one.poisonous(t) for t in (1, 2.9, 3, 3.1)] == [False, False, False, True]


def test_shares_by_hand() -> None:
    tried = {0: Reclassified(10, 9, 1), 3: Reclassified(4, 1, 2)}
    assert shares(tried) == {"suspects_as_labeled": [0.9, 0.25], "suspects_as_another": [0.1, 0.5]}
