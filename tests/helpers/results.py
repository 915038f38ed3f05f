"""Rows as the table of results has them, with scores that are easy to average by hand."""

from typing import Any

import pandas as pd


def row(**given: Any) -> dict[str, Any]:
    """One experiment: BadNets against FT on digits, but for what is given; scores are fractions."""
    attack, defense = given.get("attack", "badnets"), given.get("defense", "ft")
    base = {
        "dataset": "digits",
        "train_images": None,
        "model": "resnet8",
        "attack": attack,
        "defense": defense,
        "poison_ratio": 0.1,
        "target_label": 0,
        "label_map": "all_to_one",
        "poison_target_class": True,
        "clean_ratio": 0.05,
        "seed": 0,
        "epochs": 20,
        "engine.precision": "auto",
        "dataset.name": given.get("dataset", "digits"),
        "training.recipe.epochs": 20,
        "training.recipe.lr": 0.05,
        "clean_accuracy_before": 0.95,
        "asr_before": None if attack == "none" else 1.0,
        "robust_accuracy_before": None if attack == "none" else 0.0,
        "clean_accuracy_after": 0.9,
        "asr_after": None if attack == "none" else 0.2,
        "robust_accuracy_after": None if attack == "none" else 0.7,
        "der": None if attack == "none" else 0.875,
        "rir": None if attack == "none" else 0.825,
        "train_seconds": 30.0,
        "defend_seconds": 5.0,
    }
    if attack == "badnets":
        base["poisoning.attack.params.patch_size"] = 3
    if attack == "blended":
        base["poisoning.attack.params.alpha"] = 0.2
    if defense == "ft":
        base["defending.defense.params.recipe.lr"] = 0.03
    made = {**base, **given}
    upstream = [(name, value) for name, value in made.items() if not name.startswith(("def", "clean_ratio"))]
    scores = ("clean_accuracy", "asr", "robust_accuracy", "der", "rir")
    upstream = [(name, value) for name, value in upstream if not name.startswith(scores)]
    made.setdefault("artifact.train", f"{made['dataset']}/{hash(repr(upstream)):x}")
    made.setdefault("artifact.evaluate", f"{made['dataset']}/{hash(repr(sorted(made.items(), key=str))):x}")
    return made


def results(*rows: dict[str, Any]) -> pd.DataFrame:
    """The table with these rows."""
    return pd.DataFrame(list(rows))


def grid(**axes: list[Any]) -> pd.DataFrame:
    """The table with a row for every combination."""
    rows: list[dict[str, Any]] = [{}]
    for name, values in axes.items():
        rows = [{**one, name: value} for one in rows for value in values]
    return results(*(row(**one) for one in rows))
