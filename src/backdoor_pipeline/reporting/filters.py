"""Which results a report is about."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.reporting.columns import (
    IDENTITY,
    Parameter,
    names_of,
    one_spelling,
    parameter_columns,
    text,
)


def matching(cells: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    """The cells that have all these values.

    Args:
        cells: see `to_cells`.
        where: parameters as users type them, each with a value or a list of values. A parameter of one
            method (`attacks.blended.alpha`) chooses among its results and leaves others alone.

    Raises:
        UserError: no result has such a parameter, or none is left.
    """
    for name, value in where.items():
        parameter = known_parameter(name, cells)
        asked = value if isinstance(value, list) else [value]
        wanted = {text(one_spelling(parameter.column, one)) for one in asked}
        values = cells[parameter.column].map(text)
        left = cells[~parameter.applies(cells) | values.isin(wanted)]
        if left.empty:
            there = ", ".join(sorted(values[parameter.applies(cells)].unique()))
            raise UserError(f"no result has {name}={', '.join(sorted(wanted))}: there are {there}.")
        cells = left
    return cells.reset_index(drop=True)


def known_parameter(name: str, cells: pd.DataFrame) -> Parameter:
    """The parameter of this name, if results have it.

    Raises:
        UserError: none has.
    """
    columns = [*IDENTITY, "seed", *parameter_columns(cells.columns)]
    known = [known for column in columns for known in names_of(column, cells)]
    if name not in known:
        raise unknown("parameter of the results", name, known)
    return Parameter.named(name)
