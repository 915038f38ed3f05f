"""Results that nobody computed, to see what their number costs: real experiments, scores drawn at random.

Every experiment is resolved and named as a run would, and leaves the files that `evaluate` leaves, with two
differences: the scores are drawn, and the tables of predictions are empty files.
"""

import random
from pathlib import Path
from typing import Any

import yaml

from backdoor_pipeline.base.jsonfile import save_json
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.data.manifest import remember
from backdoor_pipeline.experiment.records import result_row, write_record
from backdoor_pipeline.sweep.grid import Grid
from backdoor_pipeline.sweep.layout import Layout, config_loader
from backdoor_pipeline.sweep.plan import CHAIN, Cell, make_plan

METHODS: dict[str, Any] = {
    "dataset": ["digits", "fashion_small"],
    "model": ["preactresnet18", "vgg19", "efficientnet_b3", "mobilenet_v3_large", "densenet161"],
    "attack": ["none", "badnets", "blended", "lc", "sig", "lf", "ssba", "inputaware", "wanet"],
    "defense": ["none", "ft", "fp", "nad", "nc", "anp", "ac", "spectral", "abl", "dbd"],
}
RATIOS = [0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.001]
# The paper's methods and models on the two embedded sets of images; some settings with three seeds.
GRID = Grid(
    grid={**METHODS, "poison_ratio": RATIOS, "seed": [0]},
    include=[{**METHODS, "poison_ratio": 0.05, "seed": [1, 2]}],
)
NAME = "made"  # of the sweep


def make_results(project: Path, grid: Grid = GRID) -> int:
    """Give a project the results of a sweep, `made`.

    Args:
        project: its folder, with its configuration.
        grid: the sweep's.

    Returns:
        How many there are.
    """
    content = grid.model_dump(mode="json", include={"grid", "include"})
    (project / f"conf/base/sweeps/{NAME}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    loader = config_loader(project, None)
    layout = Layout.of(loader, project)
    cells = make_plan(loader["parameters"], grid.cells(), layout, "evaluate", {}).cells
    for dataset in {cell.experiment.dataset.name: cell.experiment.dataset for cell in cells}.values():
        remember(dataset, layout.raw)
    for cell in cells:
        leave(layout, cell)
    return len(cells)


def leave(layout: Layout, cell: Cell) -> None:
    """What an evaluated experiment leaves, its models removed."""
    metrics = drawn(cell)
    stages = [stage for stage in CHAIN if stage in metrics]
    for stage in stages:
        file = layout.metrics(stage, cell.names)
        if file and not file.exists():
            save_json(file, metrics[stage], Seal.at(file))
    folder = layout.folder("evaluate", cell.names)
    for file in layout.files("evaluate", cell.names):
        file.touch()
    write_record(folder, result_row(cell.experiment, cell.names, metrics))


def drawn(cell: Cell) -> dict[str, dict[str, Any]]:
    """Metrics of every stage, the same ones whenever they are drawn for a cell."""
    victim, own = random.Random(cell.names["train"]), random.Random(cell.names["evaluate"])
    attacked, defended = cell.experiment.poisoning.attack, cell.experiment.defending.defense
    before = _scores(victim, attacked is not None, 0.95)
    after = _scores(own, attacked is not None, 0.2) if defended else before
    rates = {name: own.random() if attacked else None for name in ("der", "rir")}
    found = {name: own.random() for name in ("tpr", "fpr", "precision", "auc")} if defended else {}
    return {
        "prepare": {"seconds": 0.0},
        "poison": {"seconds": victim.uniform(0.1, 1)},
        "train": {**before, "epochs": 50, "seconds": victim.uniform(100, 200)},
        "defend": {"seconds": own.uniform(10, 100) if defended else 0.0},
        "evaluate": {
            **{f"{name}_before": value for name, value in before.items()},
            **{f"{name}_after": value for name, value in after.items()},
            **rates,
            **{f"detection_{name}": value for name, value in found.items()},
            "seconds": own.uniform(1, 3),
        },
    }


def _scores(numbers: random.Random, attacked: bool, asr: float) -> dict[str, float | None]:
    fired = min(1.0, max(0.0, numbers.gauss(asr, 0.1))) if attacked else None
    robust = None if fired is None else (1 - fired) * numbers.uniform(0.8, 1)
    return {"clean_accuracy": numbers.uniform(0.85, 0.95), "asr": fired, "robust_accuracy": robust}
