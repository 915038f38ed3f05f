from typing import Any

import pytest
from pydantic import BaseModel

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.validation import check, check_values


class Inner(BaseModel):
    lr: float
    milestones: tuple[int, ...] = ()
    named: dict[str, float] = {}


class Outer(BaseModel):
    seed: int = 0
    on: bool = False
    auto: bool | str = "auto"
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"seed": True}, "seed"),
        ({"inner": {"lr": False}}, r"inner\.lr"),
        ({"inner": {"lr": 1, "milestones": [1, True]}}, r"inner\.milestones\.1"),
        ({"inner": {"lr": 1, "named": {"a": True}}}, r"inner\.named\.a"),
    ],
)
def test_a_truth_value_is_no_number(values: dict[str, Any], path: str) -> None:
    with pytest.raises(UserError, match=f"^where.{path} is a truth value"):
        check(Outer, values, "where")


def test_a_truth_value_is_one_where_it_is_asked_for() -> None:
    made = check(Outer, {"seed": 1, "on": True, "auto": False, "inner": {"lr": 1}}, "")
    assert made.on is True
    assert made.auto is False


@pytest.mark.parametrize("one", [3, "umap"])
def test_one_value_is_no_list(one: object) -> None:
    with pytest.raises(UserError, match=r"should be a list; put it in brackets\.$"):
        check(Inner, {"lr": 1, "milestones": one}, "")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"a": {"b": float("nan")}}, r"a\.b is nan: give it a finite number"),
        ({"a": [1, float("inf")]}, "a is inf"),
        ({"a": 2**63}, "a is a number of 64 bits"),
        ({"a": {1: 2}}, "a: 1 is no name; put it in quotes"),
        ({"a": "\udcff"}, r"a is '\\udcff', which is not Unicode"),
        ({"\udcff": 1}, "not Unicode"),
    ],
)
def test_values_that_nothing_can_be_computed_with(value: object, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check_values(value, "")


class Facts(BaseModel, extra="forbid"):
    size: int
    mean: float
    inner: Inner


def test_all_that_is_missing_is_told_at_once_with_its_file() -> None:
    told = "'datasets.birds.size', 'datasets.birds.mean' and 'datasets.birds.inner.lr' have no value.*"
    with pytest.raises(UserError, match=told + r"put them into conf/local/parameters/datasets\.yml"):
        check(Facts, {"mean": None, "inner": {}}, "datasets.birds")
    with pytest.raises(UserError, match=r"'mlflow\.seed' has no value.*put it into conf/local/mlflow\.yml"):
        check(Outer, {"seed": None}, "mlflow")


def test_a_misspelt_name_goes_before_the_one_that_it_leaves_missing() -> None:
    with pytest.raises(UserError, match=r"unknown parameter 'a\.siz': did you mean 'size'\?"):
        check(Facts, {"siz": 3}, "a")


def test_values_that_will_do() -> None:
    check_values({"a": [1, 2.5, None, True, "é", {"b": -(2**62)}], "c": ()}, "")
