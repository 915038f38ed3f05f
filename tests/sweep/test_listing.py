"""What a dry run tells of its cells."""

import pytest

from backdoor_pipeline.sweep.listing import cell_lines, folded, in_common, set_apart
from backdoor_pipeline.sweep.plan import Cell, Plan

COMMON = {
    "dataset": "digits",
    "training": {"lr": 0.1, "epochs": 3},
    "defenses": {"ft": {"recipe": {"lr": 1}}},
}


@pytest.fixture
def plan() -> Plan:
    cells = [Cell({**COMMON, "attack": "sig", "seed": seed}, None, {}) for seed in (0, 1)]  # type: ignore[arg-type]
    cells.append(Cell({**COMMON, "attack": "none"}, None, {}))  # type: ignore[arg-type]
    return Plan(cells=cells, infeasible=[({**COMMON, "attack": "lc", "seed": 1}, "there is too little")])


def test_what_all_cells_have_is_told_once(plan) -> None:
    assert list(cell_lines(plan)) == [
        "in every cell: dataset:digits, 2 of training, 1 of defenses",
        "cell attack:sig,seed:0",
        "cell attack:sig,seed:1",
        "cell attack:none",
        "infeasible attack:lc,seed:1: there is too little",
    ]


def test_one_cell_has_nothing_to_share(plan) -> None:
    del plan.cells[1:], plan.infeasible[:]
    assert list(cell_lines(plan)) == ["cell dataset:digits,attack:sig,seed:0, 2 of training, 1 of defenses"]
    assert list(cell_lines(Plan())) == []


def test_what_one_cell_lacks_is_not_shared() -> None:
    assert in_common([{"a": None, "b": 1}, {"b": 1}, {"a": None, "b": 1}]) == {"b": 1}
    assert in_common([{"a": 1}, {"a": 2}]) == {}


def test_parameters_below_tables_are_spelled_out_where_nothing_else_tells_cells_apart() -> None:
    deep = [{"seed": 0, "t.lr": lr, "t.epochs": 3} for lr in (1, 2)]
    assert set_apart([*deep, {"seed": 1, "t.lr": 1, "x.y.z": 2}]) == [
        "seed:0,t.lr:1, 1 of t",
        "seed:0,t.lr:2, 1 of t",
        "seed:1, 1 of t, 1 of x",
    ]
    assert set_apart([*deep[:1], {"seed": 0}]) == ["seed:0,t.lr:1,t.epochs:3", "seed:0"]


def test_tables_are_counted() -> None:
    assert folded({"a.b": 1, "a.c.d": 2, "seed": 0}) == "seed:0, 2 of a"
