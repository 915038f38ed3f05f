"""Nested parameters and their dotted names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.nesting import flatten, nest, overlaid


def test_flatten() -> None:
    nested = {"training": {"recipe": {"lr": 0.1}, "model": "resnet8"}, "seed": 0, "milestones": [1, 2]}
    expected = {"training.recipe.lr": 0.1, "training.model": "resnet8", "seed": 0, "milestones": [1, 2]}
    assert flatten(nested) == expected


names = st.text("ab", min_size=1, max_size=3)
trees = st.recursive(
    st.integers(), lambda below: st.dictionaries(names, below, min_size=1, max_size=3), max_leaves=8
).filter(lambda tree: isinstance(tree, dict))


@given(trees)
def test_flattening_and_nesting_undo_each_other(tree) -> None:
    assert nest(flatten(tree)) == tree


@given(trees, trees)
def test_what_is_laid_over_wins_and_its_siblings_stay(base, changes) -> None:
    merged = flatten(overlaid(base, changes))
    assert flatten(changes).items() <= merged.items()
    changed = [f"{name}." for name in flatten(changes)]
    for name, value in flatten(base).items():
        covered = any(f"{name}.".startswith(one) or one.startswith(f"{name}.") for one in changed)
        assert covered or merged[name] == value


def test_a_parameter_below_a_value_is_refused() -> None:
    with pytest.raises(UserError, match="below 'training'"):
        nest({"training": 1, "training.lr": 0.1})


def test_a_table_is_copied_and_laid_over_what_is_there() -> None:
    table = {"recipe": {"lr": 0.1}}
    flat = {"training.recipe.epochs": 5, "training": table, "training.recipe.lr": 0.2}
    assert nest(flat) == {"training": {"recipe": {"epochs": 5, "lr": 0.2}}}
    assert table == {"recipe": {"lr": 0.1}}
