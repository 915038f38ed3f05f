from pathlib import Path

import pytest
from click.testing import CliRunner

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.failures import Failure, Failures
from backdoor_pipeline.sweep import command
from backdoor_pipeline.sweep.cli import sweep
from backdoor_pipeline.sweep.command import Options, division, requested_grid

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def options() -> dict[str, object]:
    """What click makes of no options."""
    found: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "run_sweep", lambda given: found.update(vars_of(given)))
        assert CliRunner().invoke(sweep, []).exit_code == 0
    return found


def vars_of(options: Options) -> dict[str, object]:
    return {name: getattr(options, name) for name in Options.__slots__}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["papre"], "unknown sweep 'papre': did you mean 'paper'?"),
        (["--grid", "attack"], "not of the form parameter=value"),
        (["--params", "attack"], "not of the form key:value"),
        (["--grid", "atack=badnets"], "did you mean 'attack'"),
        (["--grid", "attack=wavelet"], "unknown attack 'wavelet'"),
        ([], "no cell of the grid can be: give it a --grid"),
        (
            ["--grid", "seed=0,1", "--only", "attack=none"],
            "no cell of the grid can be: none has --only attack=none",
        ),
        (["--grid", "seed=0", "--only", "seed=0", "--only", "seed=1"], "--only seed is there 2 times"),
        (
            ["--grid", "seed=0", "--grid", "seed=1"],
            "--grid seed is there 2 times: give all its values to one",
        ),
    ],
)
def test_bad_input_is_one_sentence(layout, monkeypatch, words, sentence) -> None:
    monkeypatch.chdir(PROJECT)
    done = CliRunner().invoke(sweep, words)
    assert done.exit_code == 1
    assert sentence in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_the_command_line_goes_before_the_file(layout, options) -> None:
    given = {**options, "name": "digits", "axes": ("seed=7",), "params": ("poison_ratio:0.2",)}
    grid = requested_grid(Options(**given), None, PROJECT)
    assert grid.grid == {"attack": ["badnets"], "defense": ["none", "ft"], "seed": [7]}
    assert grid.params["poison_ratio"] == 0.2
    assert grid.params["dataset"] == "digits"


def test_the_environment_goes_before_local(options, tmp_path) -> None:
    for env, seed in (("local", 1), ("smoke", 2), ("base", 3)):
        (tmp_path / "conf" / env / "sweeps").mkdir(parents=True)
        (tmp_path / "conf" / env / "sweeps/mine.yml").write_text(f"grid: {{seed: [{seed}]}}")
    mine = Options(**{**options, "name": "mine"})
    assert requested_grid(mine, "smoke", tmp_path).grid == {"seed": [2]}
    assert requested_grid(mine, None, tmp_path).grid == {"seed": [1]}


def test_cores_are_divided_among_workers(options, monkeypatch) -> None:
    monkeypatch.setattr(command.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)

    def divided(**given: object) -> tuple[int, int, int]:
        return division(Options(**{**options, **given}))

    assert divided() == (8, 1, 0)
    assert divided(workers=3) == (3, 2, 0)
    assert divided(threads=4) == (2, 4, 0)
    assert divided(engine="ray", workers=2) == (2, 1, 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert divided() == (2, 4, 2)


def test_failures_are_kept_and_forgotten(tmp_path) -> None:
    failures = Failures(tmp_path / "failures")
    assert failures.read() == {}
    failures.record(Failure("train/digits/a", "it broke", "seed:1", "logs/a"))
    assert failures.read()["train/digits/a"].error == "it broke"
    failures.forget("train/digits/a")
    failures.forget("train/digits/a")
    assert failures.read() == {}


def test_ray_is_asked_for_when_it_is_not_there(monkeypatch) -> None:
    from backdoor_pipeline.sweep.execution import Site
    from backdoor_pipeline.sweep.ray_engine import RayEngine

    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UserError, match="pip install"):
        RayEngine(Site(".", None, 1, "."), "auto", 1, 0, {})
