import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.attacks.labels import LabelMap
from backdoor_pipeline.attacks.victims import select_victims
from backdoor_pipeline.base.errors import UserError

LABELS = torch.arange(100) % 4  # 25 of each class
TO_ZERO = LabelMap("all_to_one", 0, 4)
NEXT = LabelMap("all_to_all", None, 4)


def select(ratio: float, label_map: LabelMap = TO_ZERO, **options: object) -> torch.Tensor:
    chosen = {"clean_label": False, "poison_target_class": True, "seed": 0} | options
    return select_victims(LABELS, ratio, label_map, **chosen)  # type: ignore[arg-type]


@given(st.integers(1, 99), st.booleans(), st.integers(0, 5))
def test_the_count_is_exact_and_no_row_comes_twice(percent: int, everyone: bool, seed: int) -> None:
    if not everyone and percent > 75:
        percent = 75
    victims = select(percent / 100, poison_target_class=everyone, seed=seed)
    assert len(victims) == percent == len(victims.unique())
    assert torch.equal(victims, victims.sort().values)


def test_dirty_label_draws_from_all_rows_or_spares_the_target_class() -> None:
    assert (LABELS[select(0.9)] == 0).any()
    assert not (LABELS[select(0.75, poison_target_class=False)] == 0).any()


def test_clean_label_draws_from_the_target_class_only() -> None:
    assert (LABELS[select(0.25, clean_label=True)] == 0).all()


def test_all_to_all_has_no_target_class_to_spare() -> None:
    assert len(select(0.9, NEXT, poison_target_class=False)) == 90


def test_another_seed_draws_others() -> None:
    assert not torch.equal(select(0.3), select(0.3, seed=1))
    assert torch.equal(select(0.3), select(0.3))


def test_an_infeasible_ratio_names_the_largest_feasible_one() -> None:
    with pytest.raises(UserError, match=r"largest feasible ratio is 0\.25\."):
        select(0.3, clean_label=True)
    select(0.25, clean_label=True)
    with pytest.raises(UserError, match=r"largest feasible ratio is 0\.75\."):
        select(0.8, poison_target_class=False)


def test_a_ratio_of_no_image_is_refused() -> None:
    with pytest.raises(UserError, match="samples is none"):
        select(0.004)


def test_label_maps() -> None:
    labels = torch.tensor([0, 1, 2, 3])
    assert LabelMap("all_to_one", 2, 4)(labels).tolist() == [2, 2, 2, 2]
    assert NEXT(labels).tolist() == [1, 2, 3, 0]
