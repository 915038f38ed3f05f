"""False alarms of Neural Cleanse on clean models, by the published anomaly index and by that of log norms.

    kedro sweep nc_controls
    python benchmarks/nc_controls.py

Reads what the sweep left; trains nothing. A threshold that was chosen on a model says nothing about false
alarms on it: the lowest threshold without any on the first half is tried on the second.

    python benchmarks/nc_controls.py --by-chance

How many clean models would be suspected if their classes' norms were independent and normal: the published
threshold, 2, is meant for one value, and the more classes there are, the more of them are compared.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from backdoor_pipeline.defenses.parts.anomaly import anomaly_index, median
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.sweep.grid import read_grid
from backdoor_pipeline.sweep.layout import Layout, config_loader
from backdoor_pipeline.sweep.plan import make_plan
from backdoor_pipeline.sweep.results import MetricsReader

PROJECT = Path(__file__).parents[1]
INDICES = {"published": "highest_anomaly_index", "log": "highest_log_anomaly_index"}
STEP = 0.5  # thresholds are rounded up to a multiple


def lowest_threshold(highest: Sequence[float]) -> float:
    """The lowest multiple of `STEP` that none of these exceeds."""
    return STEP * math.ceil(max(highest) / STEP)


def false_alarms(highest: Sequence[float], threshold: float) -> int:
    """How many of these models would be suspected."""
    return sum(index > threshold for index in highest)


def by_chance(classes: int, threshold: float, models: int = 20_000) -> float:
    """The share of clean models with a class that is smaller than the others by more than the threshold."""
    norms = torch.randn(models, classes, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    suspected = [bool(((anomaly_index(own) > threshold) & (own < median(own))).any()) for own in norms]
    return sum(suspected) / models


def highest_indices(sweep: str) -> dict[int, dict[str, float]]:
    """By seed, the highest index of any suspected class of each sort.

    Raises:
        SystemExit: a cell of the sweep has not been run.
    """
    bootstrap_project(PROJECT)
    loader = config_loader(PROJECT, None)
    layout = Layout.of(loader, PROJECT)
    grid = read_grid(sweep, [PROJECT / settings.CONF_SOURCE / "base" / "sweeps"])
    cells = make_plan(loader["parameters"], grid.cells(), layout, "evaluate", {}).cells
    reader = MetricsReader(layout)
    found = {cell.experiment.choices.seed: reader.metrics("defend", cell) for cell in cells}
    if missing := [seed for seed, metrics in found.items() if not metrics]:
        raise SystemExit(f"seeds {missing} have not been run: kedro sweep {sweep}.")
    return {
        seed: {name: metrics[key] for name, key in INDICES.items()} for seed, metrics in sorted(found.items())
    }


def main() -> None:
    """Print both indices of every model, and false alarms at the thresholds in use and at chosen ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sweep", default="nc_controls")
    parser.add_argument("--by-chance", action="store_true", help="only what chance would do")
    args = parser.parse_args()
    if args.by_chance:
        for classes in (10, 20, 43, 100, 200):
            print(f"{classes} classes: {100 * by_chance(classes, 2):.0f} % of clean models suspected")
        return
    found = highest_indices(args.sweep)
    spec = resolve({**config_loader(PROJECT, None)["parameters"], "defense": "nc"}).defending.defense
    assert spec is not None
    in_use = {"published": spec.params["anomaly_threshold"], "log": spec.params["log_threshold"]}
    print("seed", *INDICES, sep="\t")
    for seed, highest in found.items():
        print(seed, *(f"{highest[name]:.2f}" for name in INDICES), sep="\t")
    half = len(found) // 2
    for name in INDICES:
        values = [highest[name] for highest in found.values()]
        chosen = lowest_threshold(values[:half])
        print(
            f"{name}: {false_alarms(values, in_use[name])} of {len(values)} suspected at {in_use[name]:g}; "
            f"threshold {chosen:g} by the first {half}: {false_alarms(values[half:], chosen)} of "
            f"{len(values) - half} others suspected"
        )


if __name__ == "__main__":
    main()
