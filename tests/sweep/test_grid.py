import pytest
import yaml

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.sweep.axes import parse_axis
from backdoor_pipeline.sweep.grid import Grid, chosen, read_grid


def test_all_combinations_with_fixed_parameters_exclusions_and_inclusions() -> None:
    grid = Grid(
        grid={"attack": ["badnets", "wanet"], "seed": [0, 1, 2]},
        params={"training": {"lr": 0.1}},
        exclude=[{"attack": "wanet", "seed": [1, 2]}],
        include=[{"attack": "none", "seed": [0, 1]}],
    )
    cells = grid.cells()
    assert [(cell["attack"], cell["seed"]) for cell in cells] == [
        ("badnets", 0),
        ("badnets", 1),
        ("badnets", 2),
        ("wanet", 0),
        ("none", 0),
        ("none", 1),
    ]
    assert all(cell["training.lr"] == 0.1 for cell in cells)


def test_only_some_of_the_cells() -> None:
    cells = [{"attack": "badnets", "seed": 0}, {"attack": "badnets"}, {"attack": "none", "seed": 1}]
    defaults = {"attack": "badnets", "seed": 1, "dataset": "digits"}
    assert chosen(cells, {}, defaults) == cells
    assert chosen(cells, {"seed": [1, 2]}, defaults) == cells[1:]
    assert chosen(cells, {"seed": [1], "attack": ["badnets"]}, defaults) == cells[1:2]
    with pytest.raises(UserError, match="can be: none has --only dataset=cifar10,mnist seed=0"):
        chosen(cells, {"dataset": ["cifar10", "mnist"], "seed": [0]}, defaults)
    with pytest.raises(UserError, match="none has --only epochs=null,7"):
        chosen(cells, {"epochs": [None, 7]}, {**defaults, "epochs": 3})
    with pytest.raises(UserError, match="in --only: 'sead': did you mean 'seed'"):
        chosen(cells, {"sead": [1]}, defaults)


def test_axes_and_parameters_from_outside_reach_the_included_cells_too() -> None:
    included = Grid(include=[{"attack": ["badnets", "none"], "seed": [0, 1, 2], "epochs": 3}])
    cells = included.changed({"seed": [7], "poison_ratio": [0.1, 0.2]}, {"epochs": 5}).cells()
    assert len(cells) == 4
    assert all(cell["seed"] == 7 and cell["epochs"] == 5 for cell in cells)
    assert [cell["attack"] for cell in cells] == ["badnets", "badnets", "none", "none"]
    both = Grid(grid={"attack": ["wanet"]}, include=[{"attack": "none"}], params={"training": {"lr": 0.1}})
    assert [cell["seed"] for cell in both.changed({"seed": [1]}, {}).cells()] == [1, 1]
    assert both.changed({}, {"training.lr": 0.2}).cells()[0]["training.lr"] == 0.2
    assert len(Grid().changed({"seed": [0, 1]}, {}).cells()) == 2


def test_the_papers_grid_has_8000_cells(project_conf) -> None:
    cells = read_grid("paper", [project_conf / "base/sweeps"]).cells()
    assert len(cells) == 8000
    assert len({tuple(cell.items()) for cell in cells}) == 8000


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("attack=badnets,none", ("attack", ["badnets", "none"])),
        ("seed:0,1", ("seed", [0, 1])),
        ("poison_ratio=0.1", ("poison_ratio", [0.1])),
        ("training.milestones=[1,2],[3]", ("training.milestones", [[1, 2], [3]])),
    ],
)
def test_axes_of_the_command_line(text, axis) -> None:
    assert parse_axis(text) == axis


@pytest.mark.parametrize("text", ["attack", "=1", "seed=[1", "seed=.nan", "seed={a: 1, a: 2}", "seed=1]: [2"])
def test_a_bad_axis_is_a_sentence(text) -> None:
    with pytest.raises(UserError, match="--grid"):
        parse_axis(text)


def test_an_axis_is_no_value_of_another() -> None:
    with pytest.raises(
        UserError, match="--only: 'attack=none' is no value of 'seed': give it --only of its own"
    ):
        parse_axis("seed=0,attack=none", "--only")
    with pytest.raises(UserError, match="'attack:none' is no value of 'seed'"):
        parse_axis("seed:0,attack:none", "--only")
    factory = "models.theirs.factory=torchvision.models:resnet18"
    assert parse_axis(factory)[1] == ["torchvision.models:resnet18"]
    assert parse_axis("imported.data=runs/a=b,./c=d")[1] == ["runs/a=b", "./c=d"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("grid: {seed: 3}", r"grid\.seed is 3"),
        ("gird: {seed: [3]}", r"unknown parameter 'gird': did you mean 'grid'"),
        ("- 1", "holds no grid"),
        ("grid: {seed: [1}", "is not YAML"),
        ("grid: {seed: [1], seed: [2]}", "'seed' is there twice"),
        ("grid: {1: [2]}", "'1' is no name"),
        (b"\xff\xfe\x00", "is not a text file"),
    ],
)
def test_a_bad_file_is_a_sentence(tmp_path, content, sentence) -> None:
    (tmp_path / "mine.yml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=sentence):
        read_grid("mine", [tmp_path])


def test_an_unknown_sweep_names_the_known_ones(tmp_path) -> None:
    (tmp_path / "paper.yml").write_text(yaml.safe_dump({"grid": {}}))
    with pytest.raises(UserError, match=r"unknown sweep 'papre': did you mean 'paper'\?"):
        read_grid("papre", [tmp_path / "absent", tmp_path])


@pytest.mark.parametrize("name", ["../mine", "/etc/mine", ".mine", "a/b", ""])
def test_a_sweep_has_a_name_and_no_path(tmp_path, name) -> None:
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "mine.yml").write_text("grid: {seed: [1]}")
    with pytest.raises(UserError, match="a sweep cannot be called"):
        read_grid(name, [tmp_path / "sweeps"])


def test_more_cells_than_can_be_counted_are_refused_at_once() -> None:
    axes = {f"axis{number}": list(range(100)) for number in range(10)}
    for grid in (Grid(grid=axes), Grid(include=[axes])):
        with pytest.raises(UserError, match="the grid has 100,000,000,000,000,000,000 cells"):
            grid.cells()


def test_only_may_name_what_other_cells_have() -> None:
    cells = [{"attacks.lf.sigma": 1}, {"seed": 1}]
    assert chosen(cells, {"attacks.lf.sigma": [1]}, {}) == cells[:1]


def test_an_exclusion_that_can_never_match_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'model'"):
        Grid(grid={"model": ["resnet8"]}, exclude=[{"modle": "resnet8"}]).cells()
    with pytest.raises(UserError, match="'seed' has no value"):
        Grid(grid={"seed": []}).cells()


def test_shared_is_what_no_cell_changes() -> None:
    grid = Grid(
        params={"target_label": 1, "lr": 0.1, "datasets": {"olid": {"length": 8, "budget": 2}}},
        grid={"seed": [0, 1]},
        include=[{"target_label": 0}, {"datasets.olid": {"length": [8, 9]}}],
    )
    assert grid.shared() == {"lr", "datasets.olid.budget"}
    assert grid.changed({"lr": [0.1, 0.2]}, {}).shared() == {"datasets.olid.budget"}
