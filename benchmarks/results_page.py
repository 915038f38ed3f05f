"""The leaderboard and the picture of the results in `docs/results`: python benchmarks/results_page.py

It reads the experiments, seed by seed, of the study on GTSRB and of the embedded sets, and writes
`leaderboard.html` and `docs/images/gtsrb.png`. Earlier results, of victims that were trained too briefly, are
left out.
"""

from pathlib import Path

import pandas as pd

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.reporting.cells import METRICS
from backdoor_pipeline.reporting.heat_map import heat_map
from backdoor_pipeline.reporting.leaderboard import leaderboard

RESULTS = Path(__file__).parents[1] / "docs/results"
PAGE = RESULTS / "leaderboard.html"
PICTURE = RESULTS.parent / "images/gtsrb.png"
ATTACKS = ("gtsrb_by_seed", "embedded_by_seed")
DEFENSES = "gtsrb_defenses"
SCORES = {"clean_accuracy": "c_acc", "asr": "asr", "robust_accuracy": "r_acc"}  # of the attacks: fractions
VARIANTS = {
    "": "",
    "size": "",
    "paper": "",
    "trusted": "rule trusted",
    "silhouette": "rule silhouette",
    "reclassification": "rule reclassification",
    "held_out": "rule held_out",
    "joint": "unlearning joint",
    "paper allowed_cost 0.01": "allowed_cost 0.01",
    "ssl_epochs 100": "ssl_epochs 100",
}
SECONDS = ["train_seconds", "defend_seconds"]
SETTING = [
    "dataset",
    "model",
    "attack",
    "attack_variant",
    "poison_ratio",
    "defense",
    "defense_variant",
    "protocol",
]


def summary() -> pd.DataFrame:
    """Every setting over its seeds, as the report's `summarize` gives them."""
    runs = pd.concat([*map(_attacks, ATTACKS), _defenses()], ignore_index=True)
    runs = runs.assign(protocol=runs["epochs"].map("{:.0f} epochs".format)).reindex(
        columns=[*SETTING, "seed", *METRICS, *SECONDS]
    )
    groups = runs.groupby(SETTING, dropna=False, sort=False)
    assert not runs.duplicated([*SETTING, "seed"]).any(), "each setting has one run of a seed"
    scores = groups[list(METRICS)].agg(["mean", "std"])
    scores.columns = [f"{name}_{what}" for name, what in scores.columns]
    return scores.join(groups[SECONDS].mean()).join(groups.size().rename("n")).reset_index()


def _attacks(name: str) -> pd.DataFrame:
    """Victims, their scores in percent."""
    runs = pd.read_csv(RESULTS / f"{name}.csv").rename(columns=SCORES)
    runs[list(SCORES.values())] *= 100
    return _told(runs.assign(defense="none", defense_variant=""))


def _defenses() -> pd.DataFrame:
    runs = pd.read_csv(RESULTS / f"{DEFENSES}.csv")
    return _told(runs.assign(defense_variant=[VARIANTS[name] for name in runs["variant"].fillna("")]))


def _told(runs: pd.DataFrame) -> pd.DataFrame:
    """A clean model has no poisoning ratio; class 0 is the target where none is named."""
    other = runs["target_label"].map(lambda label: f"target {label}" if label else "")
    return runs.assign(
        poison_ratio=runs["poison_ratio"].where(runs["attack"] != "none"), attack_variant=other
    )


def page() -> str:
    """The page."""
    nothing = pd.DataFrame()
    return leaderboard(summary(), nothing, nothing)


def picture() -> Figure:
    """Attacks against defenses on GTSRB, ResNet-8, 10 % poisoned, where there are defenses."""
    rows = summary().query("dataset == 'gtsrb32' and model == 'resnet8' and attack_variant == ''")
    rows = rows[rows["poison_ratio"].isna() | (rows["poison_ratio"] == 0.1)]
    defended = rows.loc[rows["defense"] != "none", "attack"].unique()
    return heat_map(rows[rows["attack"].isin(defended)].assign(protocol=""))  # WaNet trains for longer


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PICTURE.write_bytes(picture().png)
    print(PAGE, PICTURE, sep="\n")
