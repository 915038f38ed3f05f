"""A user's own folder of pictures, named in conf/local, read as it is needed instead of held in memory."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers import own_pictures
from PIL import Image


def make_pictures(folder, rows: int, seed: int = 0) -> None:
    draws = np.random.default_rng(seed)
    for label, shade in (("dark", 40), ("light", 110)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for row in range(rows):
            pixels = np.clip(draws.normal(shade, 25, (40, 36, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{row}.png")


@pytest.fixture
def pictures(project) -> Path:
    """A folder of pictures, described in conf/local."""
    folder = project / "data/01_raw/pictures"
    if folder.exists():
        shutil.rmtree(folder)
    make_pictures(folder / "train", 60)
    make_pictures(folder / "test", 10)
    block = own_pictures.block(
        options={"train": "train", "test": "test", "in_memory_gib": 0},
        budget={
            "training": {"epochs": 30, "batch_size": 16, "lr": 0.05, "schedule": "cosine"},
            "defending": {"epochs": 5, "batch_size": 8, "lr": 0.02, "schedule": "cosine"},
        },
    )
    (project / "conf/local/parameters").mkdir(parents=True, exist_ok=True)
    (project / "conf/local/parameters/datasets.yml").write_text(
        yaml.safe_dump({"datasets": {"pictures": block}})
    )
    return folder


def test_a_streamed_folder_goes_all_the_way(kedro, project, pictures) -> None:
    kedro("run", "--params", "dataset:pictures,poison_ratio:0.2,clean_ratio:0.2,attacks.badnets.patch_size:6")
    (file,) = (project / "data/08_reporting/pictures").glob("*/metrics.json")
    scores = json.loads(file.read_text())
    assert scores["clean_accuracy_before"] > 0.85
    assert scores["asr_before"] > 0.8
    assert "pictures" in kedro("data", "list").stdout


def test_a_block_that_is_not_finished_hides_no_other(kedro, project, pictures) -> None:
    file = project / "conf/local/parameters/datasets.yml"
    begun = {"mine": {"source": "folder", "options": {}}}
    file.write_text(yaml.safe_dump({"datasets": yaml.safe_load(file.read_text())["datasets"] | begun}))
    told = kedro("data", "list").stdout.splitlines()
    (line,) = (one for one in told if one.startswith("! mine"))
    assert "datasets.mine" in line
    assert {"✓ digits", "✓ pictures"} <= {" ".join(one.split()[:2]) for one in told}


def test_other_pictures_make_other_artefacts(kedro, project, pictures) -> None:
    def poisoned() -> set[str]:
        kedro("run", "--pipeline=poison", "--params", "dataset:pictures,poison_ratio:0.2,clean_ratio:0.2")
        return {folder.name for folder in (project / "data/02_poisoned/pictures").iterdir()}

    first = poisoned()
    make_pictures(pictures / "train", 60, seed=1)
    second = poisoned()
    assert len(second - first) == 1
    assert first < second, "the old ones are left alone"
    for picture in (pictures / "test").rglob("*.png"):
        picture.touch()
    assert poisoned() == second
    for picture in (pictures / "train/dark").glob("1*.png"):
        picture.unlink()
    assert len(poisoned() - second) == 1


def test_a_folder_is_described_and_used_as_described(kedro, project) -> None:
    make_pictures(project / "data/01_raw/shades/train", 60)
    make_pictures(project / "data/01_raw/shades/test", 10)
    told = kedro("data", "describe", "data/01_raw/shades").stdout
    assert "# 120 + 20 pictures, all 36 x 40" in told
    assert "# classes, from label 0: dark, light" in told
    settings = project / "conf/local/parameters/datasets.yml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(told)
    try:
        short = (
            "datasets.shades.budget.training.epochs:1,attacks.lc.surrogate.model:resnet8,attacks.lc.steps:1"
        )
        for attack in ("lc", "wanet"):
            chosen = f"dataset:shades,attack:{attack},model:resnet8"
            kedro("run", "--pipeline=poison", "--params", chosen, "--params", short)
    finally:
        settings.unlink()
    assert len(list((project / "data/02_poisoned/shades").iterdir())) == 2
