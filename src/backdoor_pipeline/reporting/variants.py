"""Experiments that tables call alike but that differ in some parameter are told apart, never mixed.

The *usual* variant of a method on a data set is the one that at least twice as many results have as any
other; it keeps the method's plain name. Others are named by where they differ from it, such as `alpha=0.1`;
all are where none is usual.
"""

from collections import Counter
from pathlib import PurePath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from backdoor_pipeline.reporting.columns import (
    ATTACK,
    DATA,
    DEFENSE,
    GOAL,
    decided_by_attacker,
    parameter_columns,
    short_name,
    text,
)

# what one group of seeds has in common: its mean and standard deviation are over seeds alone
SETTING = [
    "dataset", "model", "protocol", "attack", "attack_variant", "defense", "defense_variant", "poison_ratio",
]  # fmt: skip
USUAL = 2  # times as many results as the next


def with_variants(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with `attack_variant`, `defense_variant` and `protocol` (what else was varied), as texts."""
    columns = parameter_columns(cells.columns)
    attack = [name for name in columns if name.startswith(ATTACK) or name in (*GOAL, DATA)]
    defense = [name for name in columns if name.startswith(DEFENSE) or name == "clean_ratio"]
    rest = [name for name in columns if name not in attack and name not in defense]
    return cells.assign(
        attack_variant=_variants(cells, attack, ["dataset", "attack"]),
        defense_variant=_variants(cells, defense, ["dataset", "defense"]),
        protocol=_variants(cells, rest, ["dataset", "model"], ["attack"]),
    )


def varied_columns(cells: pd.DataFrame) -> list[str]:
    """The columns of parameters that have more than one value."""
    return [name for name in parameter_columns(cells.columns) if cells[name].nunique(dropna=False) > 1]


def _variants(
    cells: pd.DataFrame, columns: list[str], within: list[str], alike: list[str] | None = None
) -> "pd.Series[str]":
    """A text for each cell.

    Args:
        cells: the cells.
        columns: of the parameters in question.
        within: cells that agree in these share one usual variant.
        alike: of these, only cells that agree in these too differ by choice; default: all.
    """
    labels = np.full(len(cells), "", dtype=object)
    varied = [name for name in columns if cells[name].nunique(dropna=False) > 1]
    codes = np.array([pd.factorize(cells[name], use_na_sentinel=False)[0] for name in varied])
    theirs = [name for name in map(str, cells) if name.startswith(f"{ATTACK}training.")]
    # of hundreds: each group is a copy
    needed = cells[[*dict.fromkeys([*varied, *theirs, *(alike or [])])]]
    for group in cells.groupby(within, sort=False).indices.values() if varied else ():
        places = np.asarray(group)
        own = needed.iloc[places]
        parts = own.groupby(alike, sort=False).indices.values() if alike else [np.arange(len(own))]
        if chosen := _differing(codes[:, places], [np.asarray(part) for part in parts]):
            labels[places] = _texts(own, [varied[number] for number in chosen])
    return pd.Series(labels, index=cells.index)


def _differing(codes: NDArray[np.int64], parts: list[NDArray[np.int64]]) -> list[int]:
    """The rows of codes that differ within a part."""
    differ = np.any([(codes[:, part] != codes[:, part[:1]]).any(axis=1) for part in parts], axis=0)
    return [int(number) for number in differ.nonzero()[0]]


def _told(cells: pd.DataFrame, name: str) -> list[str | None]:
    """The values as texts; None of what the attack's own parameters say already."""
    theirs = decided_by_attacker(name, cells)
    texts = [None if one else text(value) for value, one in zip(cells[name], theirs, strict=True)]
    return _within_one_folder(texts) if name == DATA else texts


def _within_one_folder(paths: list[str | None]) -> list[str | None]:
    """The paths' last parts, if all are in one folder: figures' labels have no room for more."""
    folders = {PurePath(one).parent for one in paths if one and one != text(None)}
    return [one and PurePath(one).name for one in paths] if len(folders) == 1 else paths


def _texts(cells: pd.DataFrame, columns: list[str]) -> list[str]:
    combinations = list(zip(*(_told(cells, name) for name in columns), strict=True))
    counts = Counter(combinations).most_common()
    usual = counts[0][0] if len(counts) == 1 or counts[0][1] >= USUAL * counts[1][1] else None
    names = {combination: _text(columns, combination, usual) for combination, _ in counts}
    return [names[combination] for combination in combinations]


def _text(columns: list[str], values: tuple[str | None, ...], usual: tuple[str | None, ...] | None) -> str:
    return ", ".join(
        f"{short_name(name)}={value}"
        for number, (name, value) in enumerate(zip(columns, values, strict=True))
        if value is not None and (usual is None or value != usual[number])
    )
