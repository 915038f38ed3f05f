"""The leaderboard of the results in `docs/results`: python benchmarks/results_page.py

It reads `attacks.csv` and `defenses.csv` there, in percent and over seeds, and writes `leaderboard.html`.
"""

from pathlib import Path

import pandas as pd

from backdoor_pipeline.reporting.cells import METRICS
from backdoor_pipeline.reporting.leaderboard import leaderboard

RESULTS = Path(__file__).parents[1] / "docs/results"
PAGE = RESULTS / "leaderboard.html"
SHOWN = [
    *(f"{name}_{what}" for name in METRICS for what in ("mean", "std")),
    "train_seconds",
    "defend_seconds",
]


def summary() -> pd.DataFrame:
    """Every setting of the two tables, as the report's `summarize` gives them."""
    tables = [pd.read_csv(RESULTS / f"{name}.csv") for name in ("attacks", "defenses")]
    found = pd.concat(tables, ignore_index=True).drop_duplicates(
        ["dataset", "model", "attack", "defense", "poison_ratio", "train_images", "epochs"]
    )
    found = found.rename(columns={name: f"{name}_mean" for name in METRICS})
    untold = [name for name in SHOWN if name not in found]  # such as RIR
    found = found.reindex(columns=[*found.columns, *untold])
    return found.assign(protocol=found.apply(_protocol, axis=1), attack_variant="", defense_variant="")


def _protocol(row: "pd.Series[float]") -> str:
    """How much of the data was trained on, and for how long."""
    images = "" if pd.isna(row["train_images"]) else f"{row['train_images']:,.0f} images, "
    return f"{images}{row['epochs']:.0f} epochs"


def page() -> str:
    """The page."""
    nothing = pd.DataFrame()
    return leaderboard(summary(), nothing, nothing)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
