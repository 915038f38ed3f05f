"""Somebody else's model and data, by the commands of docs/imported.md."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from helpers.scratch import PROJECT, run_python
from helpers.strangers import RESNET, SMALL, script

PAGE = (PROJECT / "docs/imported.md").read_text(encoding="utf-8")
SHORT = "scan.trusted:200,defenses.nc.search.epochs:40,defenses.nc.search.batch_size:64"
LARGE = (
    "defenses.nc.search.epochs:30,defenses.nc.search.batch_size:50,defenses.nc.search.images_per_epoch:100"
)
TUNED = (  # in the common batches of 256 its 300 pictures would make two steps an epoch
    "datasets.mine.budget.defending.epochs:10,datasets.mine.budget.defending.batch_size:16"
)
SUSPICIOUS, CLEAN = 3, 0


@pytest.fixture(scope="module", autouse=True)
def strangers(project) -> None:
    """Two folders of theirs: one poisoned, and its clean twin."""
    (project / "their_net.py").write_text(f"from torch import nn\n{SMALL}")
    (project / "train.py").write_text(script(SMALL, epochs=12))
    for folder, how in (("theirs", "poisoned"), ("twin", "clean")):
        run_python(project, "train.py", folder, how)
    (project / "conf/local/parameters").mkdir()
    described = run_python(project, "-m", "kedro", "data", "describe", "theirs/mine", "--name", "mine").stdout
    (project / "conf/local/parameters/datasets.yml").write_text(described)


@pytest.fixture(scope="module")
def imported(kedro, strangers) -> str:
    """What importing the model says."""
    arch = ("--arch", "their_net:network", "--mean", "0.5", "--std", "0.25", "--dataset", "mine")
    kedro("import", "model", "twin/theirs.pt", "--name", "twin", *arch)
    return kedro("import", "model", "theirs/theirs.pt", *arch).stdout


def scan(kedro, name: str, folder: str, params: str = SHORT) -> subprocess.CompletedProcess[str]:
    asked = ("--data", f"{folder}/train", "--dataset", "mine", "--params", params)
    return kedro("scan", "--model", name, *asked, check=False)


def test_a_poisoned_model_is_suspicious(kedro, project, imported) -> None:
    assert float(re.search(r"C-Acc ([\d.]+)", imported)[1]) > 95
    done = scan(kedro, "theirs", "theirs")
    assert done.returncode == SUSPICIOUS, done.stdout + done.stderr
    for detector in ("ac", "nc", "spectral"):
        assert re.search(rf"{detector} +│ suspicious │ class 3:", done.stdout), done.stdout
    (page,) = (project / "data/08_reporting/scans").glob("theirs-train-*.html")
    assert page.read_text().count("<img") == 10 + 2 * 24


def test_its_clean_twin_is_not(kedro, imported) -> None:
    done = scan(kedro, "twin", "twin")
    assert done.returncode == CLEAN, done.stdout + done.stderr
    assert len(re.findall("│ clean ", done.stdout)) == 3


def test_it_is_defended_like_ours(kedro, project, imported) -> None:
    taken = kedro(
        "import", "poisoned", "theirs/train", "--name", "suspicious", "--dataset", "mine",
        "--triggered", "theirs/stamped", "--target", "3", "--poisoned", "theirs/rows.txt",
    ).stdout  # fmt: skip
    assert re.search(r"1,200 training images, \d\d known to be poisoned, \d+ triggered", taken)
    data = "dataset:mine,model:theirs,attack:imported,imported.data:data/02_poisoned/imported/suspicious"
    budget = "clean_ratio:1,datasets.mine.budget.training.epochs:5,datasets.mine.budget.defending.epochs:5"
    kedro("run", "--pipeline=evaluate", "--params", f"{data},{budget},defense:spectral")
    own = kedro(
        "run", "--params", f"{data},{budget},defense:ft,analysis.figures:[samples,tsne,defense]"
    ).stdout
    assert "│ imported │ ft" in own
    assert "poison (reused)" in own
    fixed, found = (
        json.loads(
            next((project / "data/08_reporting/mine").glob(f"{name}-theirs-*/metrics.json")).read_text()
        )
        for name in ("ft", "spectral")
    )
    assert fixed["asr_before"] > 0.9
    assert fixed["asr_after"] < 0.5
    assert found["detection_auc"] > 0.8
    (figures,) = (project / "data/08_reporting/mine").glob("ft-*/figures-*/samples.png")
    assert figures.stat().st_size > 0


def test_the_page_shows_these_commands() -> None:
    shown = re.findall(r"^kedro (\w+ ?\w*)", PAGE, re.MULTILINE)
    assert {"data describe", "import model", "import poisoned", "scan", "run"} <= {
        one.strip() for one in shown
    }


@pytest.mark.slow
def test_torchvisions_resnet(kedro, project: Path) -> None:
    (project / "resnet.py").write_text(script(RESNET, epochs=5))
    arch = ("--arch", "torchvision.models:resnet18", "--mean", "0.5", "--std", "0.25", "--dataset", "mine")
    for folder, how, code in (("large", "poisoned", SUSPICIOUS), ("large_twin", "clean", CLEAN)):
        run_python(project, "resnet.py", folder, how)
        kedro("import", "model", f"{folder}/theirs.pt", "--name", folder, *arch)
        done = scan(kedro, folder, folder, LARGE)
        assert done.returncode == code, done.stdout + done.stderr
    data = "data/02_poisoned/imported/large"
    triggered = ("--triggered", "large/stamped", "--target", "3")
    kedro("import", "poisoned", "large/train", "--name", "large", "--dataset", "mine", *triggered)
    asked = f"dataset:mine,model:large,attack:imported,imported.data:{data},clean_ratio:1,defense:ft"
    kedro("run", "--pipeline=evaluate", "--params", f"{asked},{TUNED}")
    (file,) = (project / "data/08_reporting/mine").glob("ft-large-*/metrics.json")
    scores = json.loads(file.read_text())
    assert scores["asr_before"] > 0.9
    assert scores["asr_after"] < 0.5
