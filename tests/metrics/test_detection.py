import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.metrics.detection import best_orientation_auc, detection


def flags(text):
    return torch.tensor([character == "1" for character in text], dtype=torch.bool)


def test_by_hand():
    result = detection(flags("110100"), flags("101000"), torch.tensor([0.9, 0.8, 0.5, 0.7, 0.1, 0.2]))
    assert result == {
        "tpr": 1 / 2,
        "fpr": 2 / 4,
        "precision": 1 / 3,
        "auc": 6 / 8,  # of 2 x 4 pairs, the poisoned sample scores higher in 4 + 2
        "samples": 6,
        "poisoned": 2,
        "flagged": 3,
        "true_positives": 1,
    }


poisons = st.lists(st.booleans(), min_size=2).filter(lambda p: any(p) and not all(p))


@given(poisons)
def test_extremes(poison):
    poisoned = torch.tensor(poison)
    perfect = detection(poisoned, poisoned, poisoned.float())
    assert [perfect[k] for k in ("tpr", "fpr", "precision", "auc")] == [1, 0, 1, 1]
    inverted = detection(~poisoned, poisoned, -poisoned.float())
    assert [inverted[k] for k in ("tpr", "fpr", "precision", "auc")] == [0, 1, 0, 0]
    everything = detection(torch.ones_like(poisoned), poisoned, torch.zeros(len(poison)))
    assert [everything[k] for k in ("tpr", "fpr", "auc")] == [1, 1, 0.5]
    assert everything["precision"] == sum(poison) / len(poison)


def test_undefined_rates_are_none():
    nothing_poisoned = detection(flags("10"), flags("00"), torch.tensor([1.0, 0.0]))
    assert nothing_poisoned["tpr"] is None
    assert nothing_poisoned["auc"] is None
    assert (nothing_poisoned["fpr"], nothing_poisoned["precision"]) == (0.5, 0)
    nothing_clean = detection(flags("10"), flags("11"), torch.tensor([1.0, 0.0]))
    assert nothing_clean["fpr"] is None
    assert nothing_clean["auc"] is None
    assert detection(flags("00"), flags("10"), None)["precision"] is None
    assert detection(flags("00"), flags("10"), None)["auc"] is None
    assert detection(flags(""), flags(""), None)["tpr"] is None


@pytest.mark.parametrize(("flagged", "scores"), [("1", None), ("10", torch.zeros(3))])
def test_lengths_must_agree(flagged, scores):
    with pytest.raises(ValueError, match="one value per sample"):
        detection(flags(flagged), flags("10"), scores)


def test_scores_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        detection(flags("10"), flags("10"), torch.tensor([float("nan"), 0.0]))


def test_the_best_orientation_by_hand():
    # class 0 suspects its clean rows, of which it is convinced: they have 1 more; class 1 is all clean
    poisoned, classes = flags("110000"), torch.tensor([0, 0, 0, 0, 1, 1])
    scores = torch.tensor([-0.9, -0.2, 1.5, 1.4, 0.6, -0.1])
    turned = torch.tensor([1.9, 0.2, -0.5, -0.4, -0.6, 0.1])
    # -0.2 is above no clean score, but turned 1.9 above four and 0.2 above all but 0.6
    assert detection(scores > 1, poisoned, scores)["auc"] == 0
    assert best_orientation_auc(poisoned, scores, classes, turned) == 7 / 8
    assert best_orientation_auc(poisoned, turned, classes, scores) == 8 / 8  # 0.1 and -0.6: left as they are


def test_a_class_that_is_turned_stays_so_while_the_next_is_tried():
    # in both classes the clean row has the higher score: of the four pairs none is right, two are with
    # class 0 turned, and all with both
    poisoned, classes = flags("1010"), torch.tensor([0, 0, 1, 1])
    scores = torch.tensor([-0.5, 0.5, -0.4, 0.4])
    assert detection(scores > 0, poisoned, scores)["auc"] == 0
    assert best_orientation_auc(poisoned, scores, classes, -scores) == 1


def test_without_poison_or_without_clean_rows_no_orientation_is_best():
    classes, scores = torch.tensor([0, 0, 1]), torch.tensor([0.5, -0.5, 0.1])
    assert best_orientation_auc(flags("000"), scores, classes, -scores) is None
    assert best_orientation_auc(flags("111"), scores, classes, -scores) is None
    assert best_orientation_auc(flags("001"), scores, classes, -scores) == 1 / 2  # a class all poison stays


@given(poisons, st.data())
def test_it_is_never_worse_than_the_guess_and_of_one_class_the_better_of_two(poison, data):
    drawn = st.lists(st.integers(-9, 9), min_size=len(poison), max_size=len(poison))
    poisoned, scores = torch.tensor(poison), torch.tensor(data.draw(drawn)).float()
    auc = detection(scores > 0, poisoned, scores)["auc"]
    one = torch.zeros(len(poison), dtype=torch.int64)
    assert best_orientation_auc(poisoned, scores, one, -scores) == pytest.approx(max(auc, 1 - auc))
    several = torch.tensor(data.draw(drawn)) % 3
    assert best_orientation_auc(poisoned, scores, several, -scores) >= auc
