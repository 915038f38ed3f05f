import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backdoor_pipeline.metrics.accuracy import (
    Scores,
    attack_success_rate,
    clean_accuracy,
    defense_effectiveness,
    robust_accuracy,
    robust_improvement,
)

rates = st.floats(0, 1)
scores = st.builds(Scores, clean_accuracy=rates, asr=rates, robust_accuracy=rates)


def labels(*values):
    return torch.tensor(values, dtype=torch.int64)


def test_clean_accuracy_by_hand():
    assert clean_accuracy(labels(0, 1, 2, 2), labels(0, 1, 2, 0)) == 0.75


def test_all_to_one_leaves_out_the_target_class():
    true, targets = labels(0, 0, 1, 2, 3, 1), labels(0, 0, 0, 0, 0, 0)
    predicted = labels(0, 0, 0, 2, 0, 3)  # of the four victims: hit, true label, hit, neither
    assert attack_success_rate(predicted, targets, true) == 0.5
    assert robust_accuracy(predicted, targets, true) == 0.25


def test_all_to_all_has_a_target_per_image():
    true, targets = labels(0, 1, 2), labels(1, 2, 0)
    predicted = labels(1, 1, 0)
    assert attack_success_rate(predicted, targets, true) == pytest.approx(2 / 3)
    assert robust_accuracy(predicted, targets, true) == pytest.approx(1 / 3)


@pytest.mark.parametrize("true", [labels(), labels(0, 0)])
def test_no_victims_give_none(true):
    targets = torch.zeros_like(true)
    assert attack_success_rate(targets, targets, true) is None
    assert robust_accuracy(targets, targets, true) is None


def test_clean_accuracy_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="no images"):
        clean_accuracy(labels(), labels())


@pytest.mark.parametrize("predicted", [labels(1), labels(1, 2, 3), labels(1, 2).view(2, 1), torch.tensor(1)])
def test_shapes_that_would_broadcast_are_refused(predicted):
    with pytest.raises(ValueError, match="one label per image"):
        clean_accuracy(predicted, labels(1, 2))
    with pytest.raises(ValueError, match="one label per image"):
        attack_success_rate(predicted, labels(0, 0), labels(1, 2))


@given(st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1))
def test_asr_and_robust_accuracy_share_their_images(rows):
    predicted, targets, true = torch.tensor(rows).unbind(1)
    asr, robust = attack_success_rate(predicted, targets, true), robust_accuracy(predicted, targets, true)
    counted = [row for row in rows if row[1] != row[2]]
    if not counted:
        assert asr is robust is None
        return
    assert asr == sum(p == t for p, t, _ in counted) / len(counted)
    assert robust == sum(p == y for p, _, y in counted) / len(counted)
    assert asr + robust <= 1 + 1e-12


def test_der_and_rir_by_hand():
    before = Scores(clean_accuracy=0.92, asr=0.96, robust_accuracy=0.03)
    after = Scores(clean_accuracy=0.90, asr=0.06, robust_accuracy=0.83)
    assert defense_effectiveness(before, after) == pytest.approx((0.90 - 0.02 + 1) / 2)
    assert robust_improvement(before, after) == pytest.approx((0.80 - 0.02 + 1) / 2)


def test_a_rise_in_clean_accuracy_is_no_bonus_and_a_rise_in_asr_no_penalty():
    before = Scores(clean_accuracy=0.5, asr=0.5, robust_accuracy=0.5)
    after = Scores(clean_accuracy=0.9, asr=0.7, robust_accuracy=0.1)
    assert defense_effectiveness(before, after) == robust_improvement(before, after) == 0.5


@given(scores, scores)
def test_der_and_rir_stay_within_0_and_1(before, after):
    assert 0 <= defense_effectiveness(before, after) <= 1
    assert 0 <= robust_improvement(before, after) <= 1


@given(scores)
def test_a_defense_that_does_nothing_scores_one_half(same):
    assert defense_effectiveness(same, same) == robust_improvement(same, same) == 0.5


def test_without_an_attack_there_is_no_der_or_rir():
    control = Scores(clean_accuracy=0.9, asr=None, robust_accuracy=None)
    assert defense_effectiveness(control, control) is None
    assert robust_improvement(control, control) is None


def test_percent_is_refused():
    with pytest.raises(ValidationError):
        Scores(clean_accuracy=92.0, asr=None, robust_accuracy=None)
