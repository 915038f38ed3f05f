from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.attacks.base import AttackEnv
from backdoor_pipeline.attacks.control import CLEAN, CROSS, POISONED, Schedule, draw_roles, spared
from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.data.poisoned import ROLES


def env(ratio: float, seed: int = 0) -> AttackEnv:
    return AttackEnv(None, LabelMap("all_to_one", 0, 4), ratio, seed, None)  # type: ignore[arg-type]


def rows(roles: torch.Tensor, role: int) -> set[int]:
    return set((roles == role).nonzero().flatten().tolist())


@given(st.integers(2, 300), st.floats(0.01, 0.99), st.floats(0, 5), st.integers(1, 9), st.integers(0, 5))
def test_counts_are_exact_and_nobody_has_two_roles(
    count: int, ratio: float, cross_ratio: float, epoch: int, seed: int
) -> None:
    roles = draw_roles(count, env(ratio, seed), cross_ratio, epoch)
    poisoned = round(ratio * count)
    crossed = min(round(cross_ratio * poisoned), count - poisoned)
    assert roles.shape == (count,)
    assert roles.dtype == torch.int8
    assert int((roles == POISONED).sum()) == poisoned
    assert int((roles == CROSS).sum()) == crossed
    assert int((roles == CLEAN).sum()) == count - poisoned - crossed


def test_epochs_draw_anew_and_every_row_in_time() -> None:
    epochs = [draw_roles(200, env(0.1), 2, epoch) for epoch in range(1, 61)]
    poisoned = [rows(roles, POISONED) for roles in epochs]
    assert len({frozenset(one) for one in poisoned}) == 60
    # 20 of 200 each time: two independent draws share 2 rows on average
    shared = [len(one & other) for one, other in pairwise(poisoned)]
    assert 1 < sum(shared) / len(shared) < 3
    assert set.union(*poisoned) == set.union(*(rows(roles, CROSS) for roles in epochs)) == set(range(200))


def test_an_epoch_is_the_same_whatever_was_drawn_before() -> None:
    straight = [draw_roles(50, env(0.2), 1, epoch) for epoch in (1, 2, 3)]
    torch.rand(5)
    assert torch.equal(draw_roles(50, env(0.2), 1, 3), straight[2])


def test_another_seed_draws_others() -> None:
    assert not torch.equal(draw_roles(50, env(0.2), 1, 1), draw_roles(50, env(0.2, seed=1), 1, 1))


@given(st.integers(1, 5), st.sampled_from([0.1, 0.3]), st.sampled_from([0.0, 2.0]))
def test_without_poison_target_class_that_class_is_spared(epoch: int, ratio: float, cross: float) -> None:
    labels = torch.arange(120) % 4
    some = replace(env(ratio), poison_target_class=False)
    never = spared(labels, some)
    assert torch.equal(never, labels == 0)
    roles = draw_roles(120, some, cross, epoch, never)
    assert int((roles == POISONED).sum()) == round(120 * ratio)
    assert int((roles == CROSS).sum()) == min(round(cross * 120 * ratio), 120 - round(120 * ratio))
    assert not (labels[roles == POISONED] == 0).any()
    assert spared(labels, env(ratio)) is None
    assert torch.equal(
        draw_roles(120, env(ratio), cross, epoch, labels < 0), draw_roles(120, env(ratio), cross, epoch)
    )


def test_roles_index_those_of_the_poisoned_rows() -> None:
    assert (ROLES[POISONED], ROLES[CROSS]) == ("poisoned", "cross")


@pytest.mark.parametrize(
    "change", [{"schedule": "linear"}, {"milestones": (0,)}, {"gamma": 1.5}, {"lr": 0.1}]
)
def test_a_schedule_is_checked(change: dict[str, object]) -> None:
    good = {"schedule": "multistep", "milestones": (2, 4), "gamma": 0.1}
    Schedule.model_validate(good)
    with pytest.raises(ValueError, match=next(iter(change))):
        Schedule.model_validate(good | change)
