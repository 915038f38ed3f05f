"""A scratch project, small but whole; and a table of what was tried."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from helpers import own_pictures
from helpers.scratch import make_project
from PIL import Image

from backdoor_pipeline.experiment.specs import FigureName
from campaign.reference import Reference
from campaign.warm import WarmKedro

PATIENCE = 900
SMALL = {  # trains twice with checkpoints, in prepare and in train; every stage, every figure
    "dataset": "shades",
    "attack": "lc",
    "defense": "fp",
    "poison_ratio": 0.05,
    "clean_ratio": 0.2,
    "epochs": 3,
    "engine": {"checkpoint_every": 1, "device": "cpu", "precision": "fp32"},
    "watch": {"gradients": 4},
    "attacks": {"lc": {"steps": 3}},
    "analysis": {
        "figures": [*get_args(FigureName)],
        "sample_images": 2,
        "explained_images": 1,
        "shapley_cells": 2,
        "shapley_orders": 1,
        "feature_images": 40,
        "tsne_perplexity": 5,
        "umap_neighbors": 5,
    },
    "datasets": {
        "shades": own_pictures.block(
            num_classes=4,
            image_size=16,
            augmentation={"crop_padding": 2, "horizontal_flip": True},
            budget={
                "training": {"epochs": 3, "batch_size": 32, "lr": 0.05, "schedule": "cosine"},
                "defending": {"epochs": 1, "batch_size": 8, "lr": 0.02, "schedule": "cosine"},
                "attacking": {"model": "resnet8", "epochs": 2},
            },
        )
    },
}
WIDE = {
    "COLUMNS": "300",  # for whole paths in a line
    "NUMBA_THREADING_LAYER": "workqueue",  # the others do not survive a fork
}
FAULTS = "\nfrom campaign.faults import FaultHooks\n\nHOOKS = (*HOOKS, FaultHooks())\n"


def make_pictures(folder: Path, rows: int) -> None:
    """Four shades of gray with noise, so many of each."""
    draws = np.random.default_rng(rows)
    for shade in (40, 90, 140, 190):
        (folder / f"shade{shade}").mkdir(parents=True)
        for row in range(rows):
            pixels = np.clip(draws.normal(shade, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"shade{shade}/{row}.png")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout, so to say, in which faults can be armed."""
    folder = tmp_path_factory.mktemp("campaign") / "project"
    make_project(folder)
    for split, rows in (("train", 30), ("test", 10)):
        make_pictures(folder / f"data/01_raw/shades/{split}", rows)
    (folder / "conf/local/parameters.yml").write_text(yaml.safe_dump(SMALL))
    with (folder / "src/backdoor_pipeline/settings.py").open("a") as settings:
        settings.write(FAULTS)
    return folder


@pytest.fixture(scope="session")
def kedro(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmKedro]:
    """Runs commands there."""
    printed, paths = tmp_path_factory.mktemp("printed"), (project / "src", Path(__file__).parents[1])
    environment = {**WIDE, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    warm = WarmKedro(project, printed, PATIENCE, ["campaign.warmth"], environment)
    yield warm
    warm.close()


@pytest.fixture(scope="session")
def reference(kedro: WarmKedro, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A run that nothing disturbed."""
    return Reference.of(kedro, tmp_path_factory.mktemp("reference"))


Tally = Callable[[str, int, int], None]
_rows: list[str] = []


@pytest.fixture(scope="session")
def tally() -> Tally:
    """Counts: what was tried, how often, and how often it was survived."""

    def add(what: str, tries: int, survived: int) -> None:
        _rows.append(f"| {what} | {tries} | {survived} |")

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table for docs/reliability.md."""
    if _rows:
        terminalreporter.section("campaign")
        for line in ("| what was tried | tries | survived |", "|---|---|---|", *_rows):
            terminalreporter.write_line(line)
