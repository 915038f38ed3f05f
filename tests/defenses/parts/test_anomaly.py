import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.defenses.parts.anomaly import anomaly_index, median


def test_by_hand() -> None:
    values = torch.tensor([1.0, 9.0, 10.0, 12.0, 14.0])  # median 10; deviations 9, 1, 0, 2, 4: median 2
    expected = torch.tensor([9.0, 1.0, 0.0, 2.0, 4.0]).double() / (1.4826 * 2)
    torch.testing.assert_close(anomaly_index(values), expected)


def test_an_even_number_has_the_mean_of_its_middle_values_as_median() -> None:
    values = torch.tensor([4.0, 1.0, 10.0, 2.0])
    assert median(values) == 3  # torch.median says 2
    # deviations 1, 2, 7, 1: median 1.5
    torch.testing.assert_close(anomaly_index(values), torch.tensor([1, 2, 7, 1]).double() / (1.4826 * 1.5))


def test_without_spread_only_what_differs_is_abnormal() -> None:
    index = anomaly_index(torch.tensor([5.0, 5.0, 5.0, 5.0, 1.0]))
    assert index[:4].tolist() == [0, 0, 0, 0]
    assert 1e6 < index[4] < float("inf")


@given(st.lists(st.integers(0, 1000), min_size=3, max_size=12), st.integers(1, 50), st.integers(-50, 50))
def test_neither_scale_nor_offset_matter(numbers: list[int], scale: int, offset: int) -> None:
    values = torch.tensor(numbers, dtype=torch.float64)
    if median((values - median(values)).abs()) == 0:
        return
    torch.testing.assert_close(anomaly_index(scale * values + offset), anomaly_index(values))


@given(st.permutations(range(7)))
def test_order_does_not_matter(order: list[int]) -> None:
    values = torch.tensor([3.0, 1, 4, 1, 5, 9, 2])
    assert anomaly_index(values[order]).tolist() == pytest.approx(anomaly_index(values)[order].tolist())
