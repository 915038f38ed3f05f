import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.defenses.parts.anomaly import anomaly_index, log_anomaly_index, median


def test_by_hand() -> None:
    values = torch.tensor([1.0, 9.0, 10.0, 12.0, 14.0])  # median 10; deviations 9, 1, 0, 2, 4: median 2
    expected = torch.tensor([9.0, 1.0, 0.0, 2.0, 4.0]).double() / (1.4826 * 2)
    torch.testing.assert_close(anomaly_index(values), expected)


# of a backdoored model's ten classes, the target's first; the published index misses it at 2
NORMS = torch.tensor([0.86, 83, 53, 80, 53, 60, 51, 88, 19, 76])


def test_a_wide_deviation_hides_the_smallest_norm_but_not_its_logarithm() -> None:
    # median 56.5; deviations 55.64, 26.5, 3.5, 23.5, 3.5, 3.5, 5.5, 31.5, 37.5, 19.5: median 21.5
    assert anomaly_index(NORMS)[0].item() == pytest.approx(55.64 / (1.4826 * 21.5))
    assert anomaly_index(NORMS)[0].item() == pytest.approx(1.74, abs=0.01)
    index = log_anomaly_index(NORMS)
    # log 53 = 3.970 and log 60 = 4.094 are in the middle; the median deviation is that of 76 and 80: 0.324
    assert index[0].item() == pytest.approx((4.0323 - math.log(0.86)) / (1.4826 * 0.3243), rel=1e-3)
    assert index[0].item() == pytest.approx(8.7, abs=0.05)
    assert index[8].item() == pytest.approx(2.2, abs=0.1)
    assert index.topk(2).indices.tolist() == [0, 8]


def test_no_trigger_at_all_has_a_finite_logarithmic_index() -> None:
    index = log_anomaly_index(torch.tensor([0.0, 50, 60, 70, 80]))
    assert index.isfinite().all()
    assert index.argmax() == 0


@given(st.lists(st.integers(1, 1000), min_size=3, max_size=12), st.integers(1, 50))
def test_the_logarithmic_index_knows_factors_only(numbers: list[int], factor: int) -> None:
    values = torch.tensor(numbers, dtype=torch.float64)
    if median((values.log() - median(values.log())).abs()) < 1e-3:
        return
    torch.testing.assert_close(log_anomaly_index(factor * values), log_anomaly_index(values))


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
