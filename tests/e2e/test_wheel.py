"""The wheel alone, far from any checkout: the API, and the commands with the packaged configuration."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from helpers.scratch import PROJECT, run_python


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """Where the wheel was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    run_python(PROJECT, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (wheel,) = folder.glob("*.whl")
    ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_the_api_has_its_defaults(installed, tmp_path) -> None:
    code = "from backdoor_pipeline import api; print(api.__file__); print(api.attack('badnets'))"
    where, attack = run_python(tmp_path, "-c", code, PYTHONPATH=str(installed)).stdout.splitlines()
    assert Path(where).is_relative_to(installed)
    assert attack == "patch_size=3"


def test_an_experiment_runs(installed, tmp_path) -> None:
    words = ("-m", "backdoor_pipeline", "run", "--env", "smoke", "--pipeline", "evaluate")
    done = run_python(tmp_path, *words, PYTHONPATH=str(installed))
    assert "C-Acc" in done.stdout
    assert list((tmp_path / "data/08_reporting/digits").glob("ft-resnet8-badnets-*/metrics.json"))
    assert (
        "Known: "
        in run_python(tmp_path, *words, "--params", "attack:x", check=False, PYTHONPATH=str(installed)).stderr
    )
