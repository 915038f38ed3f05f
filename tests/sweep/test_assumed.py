"""What a plan costs on an assumed machine: each artefact once, by hand."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.sweep.assumed import Cost, Machine, cost_of, read_machine
from backdoor_pipeline.sweep.cli import sweep
from backdoor_pipeline.sweep.cost_display import cost_lines
from backdoor_pipeline.sweep.grid import Grid

PROJECT = Path(__file__).parents[2]

MACHINE: dict[str, Any] = {
    "machine": "a core",
    "basis": "made up",
    "devices": [1, 3],
    "at_once": 2,
    "epoch": 10,
    "models": {"resnet8": 1, "resnet20": 2.5},
    "datasets": {"digits": 0.5, "fashion_mnist": 6},
    "stages": {
        "prepare": [{}],
        "poison": [{"seconds": 3}],
        "train": [{"attack": "none", "seconds": 1, "own_epochs": 1}, {"own_epochs": 2}],
        "defend": [{"defense": ["none"]}, {"defense": "ft", "epochs": 4}],
        "evaluate": [{"model": "resnet20", "seconds": 7}, {"seconds": 5}],
    },
}
AXES = {"attack": ["none", "badnets"], "model": ["resnet8", "resnet20"], "defense": ["none", "ft"]}
TRAINED = 3 * 10 * 0.5  # three epochs of resnet8 on digits


@pytest.fixture
def written(tmp_path: Path):
    """Writes the file, changed."""

    def write(**changes: Any) -> Path:
        file = tmp_path / "core.yml"
        file.write_text(yaml.safe_dump({**MACHINE, **changes}))
        return file

    return write


def test_what_cells_share_costs_once(plan, written) -> None:
    made = plan(Grid(grid={**AXES, "epochs": [3]}).cells())
    cost = cost_of(made, read_machine(written()), "core.yml")
    assert cost.counts == {"prepare": 1, "poison": 2, "train": 4, "defend": 8, "evaluate": 8}
    assert cost.seconds == {
        "prepare": 0,
        "poison": 2 * 3,
        "train": (1 + TRAINED) + (1 + 2.5 * TRAINED) + 2 * TRAINED + 2 * 2.5 * TRAINED,
        "defend": 2 * 4 * 5 + 2 * 4 * 12.5,
        "evaluate": 4 * 5 + 4 * 7,
    }
    assert cost.longest == 3 + 2 * 2.5 * TRAINED + 4 * 12.5 + 7, "BadNets on resnet20, then ft"
    assert cost.total == 6 + (2 + 10.5 * TRAINED) + 140 + 48


def test_what_is_there_costs_nothing(plan, build, written) -> None:
    grid = Grid(grid={"attack": ["badnets"], "defense": ["ft"], "epochs": [3]}).cells()
    names = plan(grid).cells[0].names
    for stage in ("prepare", "poison", "train"):
        build(stage, names)
    cost = cost_of(plan(grid), read_machine(written()), "core.yml")
    assert (cost.counts, cost.total) == ({"defend": 1, "evaluate": 1}, 20 + 5)


def test_devices_share_the_work_but_no_cell_is_faster_than_its_stages(written) -> None:
    cost = Cost({"train": 4}, {"train": 36_000.0}, 7_200)
    assert cost.wall(1, 2) == 18_000
    assert cost.wall(3, 2) == 7_200
    lines = [*cost_lines(cost, read_machine(written()))]
    assert lines[0].startswith("hours of a stage  = (seconds + epochs x 10 s x")
    assert lines[1:] == [
        "device hours      = 10 of all stages / 2 at once = 5.00",
        "with 1            = 5.00 hours, 0.2 days = device hours / 1",
        "with 3            = 2.00 hours, 0.1 days, which one cell's stages take one after another",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epoch": 0}, "epoch"),
        ({"epoch": None}, "epoch"),
        ({"epochs": 3}, "unknown parameter 'epochs': did you mean 'epoch'"),
        ({"devices": []}, "devices"),
        ({"devices": [0]}, "devices"),
        ({"models": {"resnet8": -1}}, "resnet8"),
        ({"stages": {"train": [{"seconds": -1}]}}, "seconds"),
        ({"stages": {"train": [{"attak": "none"}]}}, "attak"),
        ({"stages": {"train": 3}}, "stages.train"),
        ({"stages": {"fly": []}}, "fly"),
        ({"stages": 3}, "stages"),
    ],
)
def test_a_file_that_makes_no_sense_is_one_sentence(written, changes, sentence) -> None:
    file = written(**changes)
    with pytest.raises(UserError) as error:
        read_machine(file)
    assert str(error.value).startswith(f"{file}: ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["", "- 1", "{"])
def test_a_file_that_is_none(tmp_path, content) -> None:
    file = tmp_path / "core.yml"
    with pytest.raises(UserError, match="there is no file"):
        read_machine(file)
    file.write_text(content)
    with pytest.raises(UserError, match=str(file)):
        read_machine(file)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"models": {"resnet20": 1}}, "models has no factor for resnet8: give it one."),
        ({"datasets": {}}, "datasets has no factor for digits: give it one."),
        ({"stages": {}}, "stages.prepare has no rule for dataset digits, model resnet8, attack badnets"),
    ],
)
def test_what_a_plan_needs_and_the_file_lacks_is_named(plan, written, changes, sentence) -> None:
    made = plan(Grid(grid={"attack": ["badnets"]}).cells())
    with pytest.raises(UserError) as error:
        cost_of(made, read_machine(written(**changes)), "core.yml")
    assert str(error.value).startswith(f"core.yml: {sentence}")


def test_a_dry_run_prints_it(layout, written, monkeypatch) -> None:
    monkeypatch.chdir(PROJECT)
    axes = [word for name, values in AXES.items() for word in ("--grid", f"{name}={','.join(values)}")]
    words = [*axes, "--params", "epochs:3,train_images:1000", "--dry-run", "--assume", str(written())]
    done = CliRunner().invoke(sweep, words)
    assert done.exit_code == 0
    assert "Cost on a core (made up):" in done.output
    assert "device hours" in done.output
    wet = CliRunner().invoke(sweep, [*axes, "--assume", str(written())])
    assert wet.exit_code == 1
    assert wet.output.strip() == "Error: --assume tells what a plan will cost: add --dry-run."


@pytest.mark.parametrize("file", sorted((PROJECT / "docs/costs").glob("*.yml")), ids=lambda file: file.stem)
def test_files_of_the_docs_know_all_of_the_papers_grid(plan, project_conf, file) -> None:
    from backdoor_pipeline.sweep.grid import read_grid

    axes = read_grid("paper", [project_conf / "base/sweeps"]).changed({"poison_ratio": [0.001]}, {}).cells()
    made = plan(axes, without_data=True)
    machine = read_machine(file)
    assert isinstance(machine, Machine)
    cost = cost_of(made, machine, str(file))
    assert cost.counts["train"] == 8 * 5 * 4
    assert cost.counts["evaluate"] == len(made.cells)
    assert cost.total > 0
