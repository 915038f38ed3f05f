"""The paper's grid, planned by the published sizes of its data sets: what `docs/sweeps.md` says of it."""

from collections import Counter

import pytest

from backdoor_pipeline.data.manifest import Manifest
from backdoor_pipeline.sweep import plan as planning
from backdoor_pipeline.sweep.grid import chosen, read_grid

SIZES = {  # of the training sets
    "cifar10": (5000,) * 10,
    "cifar100": (500,) * 100,
    "gtsrb": (210, *(929,) * 41, 910),  # the published class 0 and the published total
    "tiny_imagenet": (500,) * 200,
}


def published(spec, _) -> Manifest:
    counts = SIZES[spec.name]
    return Manifest(spec.name, {"train": counts, "test": counts})


@pytest.fixture
def undefended(project_conf) -> list:
    cells = read_grid("paper", [project_conf / "base/sweeps"]).cells()
    return chosen(cells, {"defense": ["none"]}, {})


def test_without_the_data_no_clean_label_ratio_is_checked(plan, undefended) -> None:
    made = plan(undefended, without_data=True)
    stages = {stage: len(found) for stage, found in made.to_build().items()}
    assert (stages["prepare"], stages["poison"], stages["train"]) == (112, 240, 800)
    assert made.infeasible == []


def test_with_them_the_ratios_that_class_0_is_too_small_for_are_refused(
    plan, undefended, monkeypatch
) -> None:
    monkeypatch.setattr(planning, "survey", published)
    assert sum(SIZES["gtsrb"]) == 39_209
    made = plan(undefended)
    stages = {stage: len(found) for stage, found in made.to_build().items()}
    assert (stages["prepare"], stages["poison"], stages["train"]) == (112, 224, 720)
    refused = Counter((params["dataset"], params["poison_ratio"]) for params, _ in made.infeasible)
    high = {("cifar100", 0.1), ("cifar100", 0.05)}
    high |= {(name, ratio) for name in ("gtsrb", "tiny_imagenet") for ratio in (0.1, 0.05, 0.01)}
    assert refused == dict.fromkeys(high, 2 * 5), "two attacks, five models"
    assert {params["attack"] for params, _ in made.infeasible} == {"lc", "sig"}
