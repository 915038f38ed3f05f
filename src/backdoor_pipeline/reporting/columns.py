"""Parameters by the names that users type, and the columns in which the table of results keeps them."""

import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.base.places import told_from
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.data.manifest import OF_IMAGES

IDENTITY = ("dataset", "model", "attack", "defense", "poison_ratio")  # what a published table names a cell by
GOAL = ("target_label", "label_map", "poison_target_class")  # what the attacker is after, beside the ratio
DATA = "poisoning.imported.data"  # whose the imported poison is
UNTOLD = (NONE, IMPORTED)  # attacks whose ratio and goal mean nothing, or are not known to us
ATTACK, DEFENSE = "poisoning.attack.params.", "defending.defense.params."
RECIPE, OPTIONS, DATASET = "training.recipe.", "training.options.", "dataset."

# the table of parameters that a method, a model or a data set has its block in -> (who it is, column prefix)
BLOCKS = {
    "attacks": ("attack", ATTACK),
    "defenses": ("defense", DEFENSE),
    "models": ("model", OPTIONS),
    "datasets": ("dataset", DATASET),
}
REPEATED = ("dataset.name", "dataset.train_images")  # columns that say what others say


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter and the results that have it.

    Attributes:
        name: as users type it, such as `attacks.blended.alpha`.
        column: where its value is.
        of: the column and the value of the results that have it, such as `("attack", "blended")`.
    """

    name: str
    column: str
    of: tuple[str, str] | None

    @classmethod
    def named(cls, name: str) -> "Parameter":
        """The parameter that a user means; whether there are results with it is another question."""
        table, _, rest = name.partition(".")
        if table in BLOCKS:
            owner, prefix = BLOCKS[table]
            block, _, field = rest.partition(".")
            return cls(name, f"{prefix}{field}", (owner, block))
        if name == "epochs" or table == "training":
            return cls(name, RECIPE + (rest or name), None)
        if name == f"{IMPORTED}.data":
            return cls(name, DATA, ("attack", IMPORTED))
        return cls(name, name, None)

    def applies(self, cells: pd.DataFrame) -> "pd.Series[bool]":
        """Whether it means anything for these results: a ratio means nothing for a clean model."""
        if self.of:
            return cells[self.of[0]] == self.of[1]
        if self.column in ("poison_ratio", *GOAL):
            return ~cells["attack"].isin(UNTOLD)
        if self.column == "clean_ratio":
            return cells["defense"] != NONE
        return ~decided_by_attacker(self.column, cells)


def decided_by_attacker(column: str, cells: pd.DataFrame) -> "pd.Series[bool]":
    """Where it is of a training recipe and the attacker, who controls the training, decides it."""
    own = f"{ATTACK}training.{column.removeprefix(RECIPE)}"
    if column.startswith(RECIPE) and own in cells:
        return cells[own].notna()
    return pd.Series(False, index=cells.index)


def names_of(column: str, cells: pd.DataFrame) -> list[str]:
    """What users call a column: a name for each method, model or data set that has the parameter."""
    for table, (owner, prefix) in BLOCKS.items():
        if column.startswith(prefix):
            with_it = cells.loc[cells[column].notna(), owner]
            return [f"{table}.{one}.{column.removeprefix(prefix)}" for one in sorted(with_it.unique())]
    if column == DATA:
        return [f"{IMPORTED}.data"]
    return [short_name(column)]


def short_name(column: str) -> str:
    """A column's name within its block: `poisoning.attack.params.alpha` is `alpha`."""
    if column == f"{RECIPE}epochs":
        return "epochs"
    if column == DATA:
        return "data"
    for _, prefix in BLOCKS.values():
        column = column.removeprefix(prefix)
    return column.replace(RECIPE, "training.")


def parameter_columns(columns: Iterable[str]) -> list[str]:
    """The columns that say how an experiment was made, `IDENTITY` and the seed left aside, each once."""
    prefixes = (ATTACK, DEFENSE, RECIPE, OPTIONS, DATASET)
    plain = ("train_images", "clean_ratio", *GOAL, DATA, "engine.precision", "manifest")
    untold = (*REPEATED, *(f"{DATASET}options.{name}" for name in OF_IMAGES))  # the latter in older records
    return [name for name in columns if name in plain or (name.startswith(prefixes) and name not in untold)]


def one_spelling(column: str, value: Any) -> Any:
    """A value of a column; a path into the project as it is from there, however it was typed."""
    if not isinstance(value, str):
        return value
    path = os.path.normpath(value) if column == DATA or os.path.isabs(value) else value
    if column == DATA or column.startswith((ATTACK, DEFENSE, OPTIONS)):
        return str(told_from(Path.cwd(), Path(path))) if os.path.isabs(path) else path
    return value


def text(value: Any) -> str:
    """A value as users write it; equal values of any type are equal texts.

    >>> text(0.1), text("0.10"), text(3.0), text(True), text(None), text([1, 2])
    ('0.1', '0.1', '3', 'true', 'null', '[1, 2]')
    """
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "null"
    if isinstance(value, list | tuple):
        return json.dumps(list(value))
    if str(value) in ("True", "False"):
        return str(value).lower()
    try:
        return f"{float(value):.6g}"
    except ValueError:
        return str(value)
