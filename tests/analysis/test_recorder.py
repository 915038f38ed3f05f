"""Forgetting, counted by hand."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.analysis.recorder import SampleRecorder
from backdoor_pipeline.training import Batch

CLEAN, POISONED = -1, 0


def batch(rows: list[int], right: list[bool], classes: int = 3) -> Batch:
    """Labels are 0; right answers are sure of 0, wrong ones of 1."""
    labels = torch.zeros(len(rows), dtype=torch.int64)
    made = Batch(torch.zeros(len(rows), 1, 2, 2), labels, torch.tensor(rows), 1, 0)
    logits = torch.zeros(len(rows), classes)
    logits[range(len(rows)), [0 if one else 1 for one in right]] = 1
    made.report(logits)
    return made


def run(outcomes: list[list[bool]], roles: list[list[int]] | None = None) -> SampleRecorder:
    """Epochs of one batch with all rows; `outcomes[epoch][row]`."""
    rows = len(outcomes[0])
    recorder = SampleRecorder(rows)
    for epoch, right in enumerate(outcomes):
        recorder.see(batch(list(range(rows)), right))
        recorder.close(torch.tensor(roles[epoch] if roles else [CLEAN] * rows, dtype=torch.int8))
    return recorder


def test_a_sample_is_forgotten_twice() -> None:
    #            twice  never learned  once  learned late  not at all
    outcomes = [
        [True, False, True, False, True],
        [False, False, True, False, True],
        [True, False, False, False, True],
        [True, False, False, True, True],
        [False, False, False, True, True],
    ]
    frame = run(outcomes).frame()
    assert frame["events"].tolist() == [2, 0, 1, 0, 0]
    assert frame["learned"].tolist() == [True, False, True, True, True]
    assert frame["shown"].tolist() == [5] * 5
    assert frame["index"].tolist() == [0, 1, 2, 3, 4]
    assert set(frame["role"]) == {"clean"}


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=8))
def test_it_counts_what_a_plain_loop_counts(outcomes: list[list[bool]]) -> None:
    expected = [
        sum(before[row] and not after[row] for before, after in pairwise(outcomes)) for row in range(4)
    ]
    assert run(outcomes).frame()["events"].tolist() == expected


def test_an_image_that_changes_its_role_is_several_samples() -> None:
    outcomes = [[True], [False], [False], [True], [True]]
    roles = [[CLEAN], [POISONED], [CLEAN], [POISONED], [CLEAN]]
    frame = run(outcomes, roles).frame()
    assert frame["role"].tolist() == ["clean", "poisoned"]
    assert frame["events"].tolist() == [1, 0], "right as clean at first, wrong as clean two epochs later"
    assert frame["shown"].tolist() == [3, 2]


def test_losses_and_accuracies_are_means_over_each_kind() -> None:
    recorder = SampleRecorder(4)
    recorder.see(batch([2, 0], [True, False]))
    recorder.see(batch([1, 3], [True, True]))
    means = recorder.close(torch.tensor([CLEAN, CLEAN, CLEAN, POISONED], dtype=torch.int8))
    wrong = torch.log(torch.tensor(2 + torch.e)).item()  # -log(1 / (1 + e + 1))
    assert means["clean_train_accuracy"] == pytest.approx(2 / 3)
    assert means["poisoned_train_accuracy"] == 1
    assert means["train_accuracy"] == 0.75
    assert means["poisoned_train_loss"] == pytest.approx(wrong - 1)
    assert means["clean_train_loss"] == pytest.approx((wrong + 2 * (wrong - 1)) / 3)
    assert means["train_loss"] == pytest.approx((wrong + 3 * (wrong - 1)) / 4)
    assert not [name for name in means if name.startswith("cross")]


def test_rows_that_were_not_shown_are_neither_right_nor_forgotten() -> None:
    recorder = SampleRecorder(2)
    roles = torch.full((2,), CLEAN, dtype=torch.int8)
    recorder.see(batch([0, 1], [True, True]))
    recorder.close(roles)
    recorder.see(batch([0], [True]))
    means = recorder.close(roles)
    assert means["clean_train_accuracy"] == 1
    assert means["clean_train_loss"] == pytest.approx(math.log(2 + math.e) - 1), "of the one that was shown"
    recorder.see(batch([0, 1], [True, False]))
    recorder.close(roles)
    assert recorder.frame()["shown"].tolist() == [3, 2]
    assert recorder.frame()["events"].tolist() == [0, 1]


def test_nothing_is_noted_of_answers_that_belong_to_no_row() -> None:
    recorder = SampleRecorder(2)
    silent = Batch(torch.zeros(2, 1, 2, 2), torch.zeros(2, dtype=torch.int64), torch.arange(2), 1, 0)
    recorder.see(silent)
    silent.report(torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64))
    recorder.see(silent)
    assert recorder.close(torch.full((2,), CLEAN, dtype=torch.int8)) == {}
    assert recorder.frame().empty
