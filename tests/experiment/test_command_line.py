import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from kedro.framework.cli.utils import KedroCliError
from kedro.io import DatasetError

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.experiment.command_line import ProjectCommand, parse_params, tell_plainly


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["attack:ssba"], {"attack": "ssba"}),
        (["attack=ssba"], {"attack": "ssba"}),
        (["attack:badnets,poison_ratio=0.05"], {"attack": "badnets", "poison_ratio": 0.05}),
        (["attack:badnets", "seed:3"], {"attack": "badnets", "seed": 3}),
        (["seed:1", "seed:2"], {"seed": 2}),
        (["attacks.badnets.patch_size:5"], {"attacks": {"badnets": {"patch_size": 5}}}),
        (["training.lr:0.1", "training.gamma=0.5"], {"training": {"lr": 0.1, "gamma": 0.5}}),
        (["training.milestones=[50, 75],seed:1"], {"training": {"milestones": [50, 75]}, "seed": 1}),
        (
            ["models.vit_b_16.pretrained=/a/b:c.safetensors"],
            {"models": {"vit_b_16": {"pretrained": "/a/b:c.safetensors"}}},
        ),
        (["epochs:null"], {"epochs": None}),
        (["poison_ratio:'a, lot'"], {"poison_ratio": "a, lot"}),
        ([], {}),
        ([" attack : badnets , "], {"attack": "badnets"}),
    ],
)
def test_what_users_type(texts: list[str], expected: dict) -> None:
    assert parse_params(texts) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("attack", ":ssba", "=1", "a..b:1", "a.:1", "a:1,a.b:2", "a:.nan", "a:[1, -.inf]", f"a:{2**63}"),
        *("a:{b: 1, b: 2}", "a:!!binary aGk=", "a:" + "[" * 10_000, "a:" + "9" * 5000, "a:\udcff"),
        *("a." * 1000 + "b:1", "a:{1: 2}"),
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"^--params: ") as told:
        parse_params([text])
    assert len(str(told.value)) < 500


def ends(error: Exception) -> str:
    """What a command that ends with this error prints."""

    def fail() -> None:
        raise error

    done = CliRunner().invoke(ProjectCommand("x", callback=fail), [])
    assert isinstance(done.exception, SystemExit)
    return f"{done.exit_code} {done.output}"


def test_what_a_user_can_mend_ends_in_one_line() -> None:
    assert ends(UserError("first\n second")) == "1 Error: first second\n"
    assert ends(KedroCliError("an option")) == "1 Error: an option\n"
    assert ends(DatasetError("Catalog entry 'x' is not valid")) == "1 Error: Catalog entry 'x' is not valid\n"
    assert ends(MemoryError()).startswith("1 Error: there is not enough memory")


def test_a_blank_after_a_comma_is_pointed_at() -> None:
    command = ProjectCommand("x", params=[click.Option(["--params"])], callback=lambda params: None)
    cut = CliRunner().invoke(command, ["--params", "dataset:digits,", "epochs:1"])
    assert "(epochs:1): leave out the blank after 'dataset:digits,', or put it all in quotes." in cut.output
    unknown = CliRunner().invoke(command, ["--params", "dataset:digits,", "--bogus"])
    assert "blank" not in unknown.output
    other = CliRunner().invoke(command, ["epochs:1"])
    assert "(epochs:1)\n" in other.output
    assert (cut.exit_code, other.exit_code) == (2, 2)


def test_faults_of_the_program_stay_what_they_are() -> None:
    for error in (KeyError("x"), ValueError("x"), DatasetError("Failed while loading data from dataset X")):
        with pytest.raises(AssertionError):
            ends(error)


def test_commands_run_at_the_root_of_the_project(tmp_path, monkeypatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.kedro]\n")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    command = ProjectCommand("x", callback=lambda: click.echo(str(Path.cwd())))
    assert CliRunner().invoke(command, []).output.strip() == str(tmp_path)
    assert Path.cwd() == tmp_path / "notebooks"


def test_other_commands_of_kedro_end_in_a_sentence_too(monkeypatch, capsys) -> None:
    shown: list[BaseException] = []
    monkeypatch.setattr("sys.excepthook", lambda kind, error, trace: shown.append(error))
    tell_plainly()
    sys.excepthook(UserError, UserError("told"), None)
    fault = KeyError("x")
    sys.excepthook(KeyError, fault, None)
    assert capsys.readouterr().err == "Error: told\n"
    assert shown == [fault]


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        st.integers(1 - 2**63, 2**63 - 1) | st.booleans(),
        max_size=5,
    )
)
def test_flat_parameters_come_back(params: dict[str, object]) -> None:
    text = ",".join(f"{key}:{str(value).lower()}" for key, value in params.items())
    assert parse_params([text]) == params
