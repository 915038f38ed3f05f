"""Mean, standard deviation and number over seeds; and the slices that a figure can show at once."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.reporting.cells import DETECTION, METRICS, OF_CONTROL, SECONDS, SPECIFICITY
from backdoor_pipeline.reporting.variants import SETTING

CONTROL = "no attack"


def summarize(cells: pd.DataFrame, by: list[str] | None = None) -> pd.DataFrame:
    """Each setting over its seeds.

    Args:
        cells: see `with_variants`.
        by: what makes a setting; default `SETTING`.

    Returns:
        The columns of `by`, `n` (seeds), `<metric>_mean` and `<metric>_std` of `METRICS` in percent (the
        sample standard deviation; NaN of one seed), the means of `DETECTION`, `SPECIFICITY` and `SECONDS`,
        and of `OF_CONTROL` if any is known.
    """
    groups = cells.groupby(by or SETTING, dropna=False, sort=True)
    parts: dict[str, pd.Series[Any]] = {"n": groups["seed"].nunique()}
    for metric in METRICS:
        parts[f"{metric}_mean"] = groups[metric].mean()
        parts[f"{metric}_std"] = groups[metric].std(ddof=1)
    for name in (*DETECTION, *SPECIFICITY, *SECONDS, *(one for one in OF_CONTROL if one in cells)):
        parts[name] = groups[name].mean()
    return pd.DataFrame(parts).round(6).reset_index()  # CSV files need no 61.240000000000009


def label(method: str, variant: str) -> str:
    """A method with what tells its results apart.

    >>> label("blended", "alpha=0.1"), label("blended", ""), label("none", "")
    ('blended (alpha=0.1)', 'blended', 'none')
    """
    return f"{method} ({variant})" if variant else method


def defense_name(defender: str) -> str:
    """A defense as figures and tables show it."""
    return "no defense" if defender == NONE else defender


def with_labels(summary: pd.DataFrame) -> pd.DataFrame:
    """The summary with the columns `attacker` and `defender`: a method and its variant in one."""
    return summary.assign(
        attacker=[label(*pair) for pair in zip(summary["attack"], summary["attack_variant"], strict=True)],
        defender=[label(*pair) for pair in zip(summary["defense"], summary["defense_variant"], strict=True)],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """Settings that can be compared: they agree in all that `name` says. Only what is `drawn` is here."""

    name: str
    cells: pd.DataFrame
    control: pd.DataFrame


def slices(summary: pd.DataFrame, by: list[str], compared: str | None = None) -> list[Slice]:
    """The summary cut into slices, the fullest first; of equally full ones that with the higher ratio.

    Args:
        summary: see `summarize`.
        by: what the settings of a slice agree in, of data set, model, protocol and poisoning ratio.
        compared: keep only attacks and defenses that are there with at least two values of this column,
            and leave out slices without any.
    """
    labelled = with_labels(summary)
    control, attacked = labelled[labelled["attack"] == NONE], labelled[labelled["attack"] != NONE]
    shared = [name for name in by if name != "poison_ratio"]
    found = []
    for key, every in attacked.groupby(by, sort=True, dropna=False):
        cells = drawn(every) if compared is None else _comparable(drawn(every), compared)
        own = control
        for name, value in zip(by, key, strict=True):
            own = own[own[name] == value] if name in shared else own
        if len(cells):
            ratio = cells["poison_ratio"].iloc[0] if "poison_ratio" in by else 0.0
            rank = (-len(cells), 0.0 if pd.isna(ratio) else -ratio)
            found.append((rank, Slice(_name(by, key), cells, _beside(cells, own))))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def drawn(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells that a figure shows: of a method's variants those run half as widely as its widest, or more.

    So the few cells of a parameter sweep do not make rows of gaps; the table of results has them all.
    """
    for side, method, other in (("attacker", "attack", "defender"), ("defender", "defense", "attacker")):
        width = cells.groupby([method, side])[other].nunique()
        kept = width[width * 2 >= width.groupby(level=0).transform("max")]
        cells = cells[cells[side].isin(kept.index.get_level_values(side))]
    return cells


def _beside(cells: pd.DataFrame, control: pd.DataFrame) -> pd.DataFrame:
    """The control without variants of defenses that the cells leave out; it keeps defenses of its own."""
    shown, other = (control[name].isin(cells[name]) for name in ("defender", "defense"))
    return control[shown | ~other]


def _comparable(cells: pd.DataFrame, column: str) -> pd.DataFrame:
    return cells[cells.groupby(["attacker", "defender"])[column].transform("nunique") > 1]


def _name(by: list[str], key: tuple[object, ...]) -> str:
    parts = [
        str(value) if name != "poison_ratio" else _poisoned(value)
        for name, value in zip(by, key, strict=True)
    ]
    return ", ".join(filter(None, parts))


def _poisoned(ratio: object) -> str:
    return "ratio unknown" if pd.isna(ratio) else f"{percent_ratio(ratio)} poisoned"  # type: ignore[call-overload]


def percent_ratio(ratio: object) -> str:
    """A poisoning ratio as percent.

    >>> percent_ratio(0.005), percent_ratio(0.1)
    ('0.5%', '10%')
    """
    return f"{100 * float(ratio):.4g}%"  # type: ignore[arg-type]


def in_order(names: "pd.Series[str]") -> list[str]:
    """Distinct methods, `none` first."""
    return sorted(names.unique(), key=lambda name: (name != NONE, name))
