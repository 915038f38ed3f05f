"""Tables of parameters in a grid: what they give counts as what is given by dotted names."""

import pytest
import yaml

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.nesting import nest
from backdoor_pipeline.sweep.axes import parse_axis
from backdoor_pipeline.sweep.grid import Grid, chosen, read_grid

SHARED = """
include:
  - &first {attack: badnets, training: {lr: 0.05, batch_size: 32}}
  - {<<: *first, attack: wanet}
"""


def trainings(grid: Grid) -> list[dict]:
    return [nested["training"] for nested in map(nest, grid.cells())]


def test_a_parameter_of_the_command_line_comes_before_a_table() -> None:
    grid = Grid(**yaml.safe_load(SHARED)).changed({}, {"training.lr": 0.1})
    assert trainings(grid) == [{"lr": 0.1, "batch_size": 32}] * 2


def test_an_axis_of_the_command_line_comes_before_a_table_in_every_cell() -> None:
    axis = parse_axis("training.lr=0.1,0.2")
    assert [one["lr"] for one in trainings(Grid(**yaml.safe_load(SHARED)).changed(dict([axis]), {}))] == [
        *(0.1, 0.2),
        *(0.1, 0.2),
    ]


def test_an_axis_comes_before_what_stands_ahead_of_a_table() -> None:
    rule = {"training.lr": 0.3, "training": {"lr": 0.05}}
    assert trainings(Grid(include=[rule]).changed({"training.lr": [0.1]}, {})) == [{"lr": 0.1}]


def test_a_table_is_laid_over_the_common_parameters() -> None:
    grid = Grid(params={"training": {"lr": 0.1, "batch_size": 8}}, include=[{"training": {"lr": 0.2}}])
    assert trainings(grid) == [{"lr": 0.2, "batch_size": 8}]


def test_tables_are_values_of_an_axis_and_their_lists_are_values() -> None:
    tables = [{"lr": 0.1, "milestones": [1, 2]}, {"lr": 0.2, "milestones": [3]}]
    grid = Grid(grid={"training": tables})
    assert trainings(grid) == tables
    assert trainings(grid.changed({}, {"training.lr": 0.3})) == [{**one, "lr": 0.3} for one in tables]


def test_an_empty_table_changes_nothing_and_tells_its_cell_from_others() -> None:
    grid = Grid(params={"watch": {"every": 3}}, grid={"watch": [{}, {"forgetting": True}]})
    assert [nest(cell)["watch"] for cell in grid.cells()] == [{"every": 3}, {"every": 3, "forgetting": True}]
    left = grid.model_copy(update={"exclude": [{"watch": {}}]}).cells()
    assert [nest(cell)["watch"] for cell in left] == [{"every": 3, "forgetting": True}]
    assert chosen(grid.cells(), {"watch": [{}]}, {}) == grid.cells()[:1]


def test_only_and_exclude_find_what_tables_give() -> None:
    cells = Grid(**yaml.safe_load(SHARED)).cells()
    assert chosen(cells, {"training.lr": [0.05]}, {"training.lr": 0.1}) == cells
    assert chosen(cells, {"training": [{"lr": 0.05, "momentum": 0.9}]}, {"training.momentum": 0.9}) == cells
    with pytest.raises(UserError, match="no cell of the grid can be: none has --only training="):
        chosen(cells, {"training": [{"lr": 0.1}]}, {"training.lr": 0.1})
    axis = {"training": [{"lr": 0.1, "epochs": 1}, {"lr": 0.2, "epochs": 1}]}
    for rule in ({"training": {"lr": 0.1}}, {"training.lr": [0.1]}, {"training": [{"lr": 0.1}, {"lr": 9}]}):
        assert [cell["training.lr"] for cell in Grid(grid=axis, exclude=[rule]).cells()] == [0.2]
    with pytest.raises(UserError, match=r"did you mean 'training\.lr'"):
        Grid(grid=axis, exclude=[{"training": {"lrr": 0.1}}]).cells()


@pytest.mark.parametrize("name", ["attacks", "defenses", "dynamics"])
def test_what_the_command_line_gives_reaches_all_cells_of_our_own_grids(project_conf, name) -> None:
    grid = read_grid(name, [project_conf / "base/sweeps"]).changed({}, {"training.lr": 0.7})
    assert {one["lr"] for one in trainings(grid)} == {0.7}
