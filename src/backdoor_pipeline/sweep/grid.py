"""A grid of experiments: which parameters take which values, from a file or the command line."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.base.names import check_name
from backdoor_pipeline.base.nesting import Flat, flatten
from backdoor_pipeline.experiment.validation import check
from backdoor_pipeline.experiment.yaml_text import read_yaml_file
from backdoor_pipeline.sweep.rules import combinations, matching, parameters_of, without

MAX_CELLS = 1_000_000
Kind = Literal["prepare", "poison", "train", "cell"]  # of a task


class Resources(BaseModel):
    """What one task of a kind is given on a Ray cluster; fractions of a GPU let tasks share a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpus: float | None = Field(None, gt=0)  # None: as many as its threads
    gpus: float | None = Field(None, ge=0)  # None: one if the cluster has any


class Grid(BaseModel):
    """The file `conf/base/sweeps/NAME.yml`.

    Attributes:
        grid: every parameter (dotted where nested) with its values; the cells are all combinations.
        params: parameters that are the same in every cell.
        exclude: cells to leave out: those that match every parameter named, by value or by list of values.
        include: further cells; a list means one cell for each of its values.
        resources: what Ray is to give a task of each kind.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid: dict[str, list[Any]] = {}
    params: dict[str, Any] = {}
    exclude: list[dict[str, Any]] = []
    include: list[dict[str, Any]] = []
    resources: dict[Kind, Resources] = {}

    def cells(self) -> list[Flat]:
        """The parameters of every cell, over those of the configuration.

        Raises:
            UserError: an axis has no value, `exclude` names a parameter that no cell has, or there are too
                many cells.
        """
        for name, values in self.grid.items():
            if not values:
                raise UserError(f"grid: '{name}' has no value: give it some or leave it out.")
        fixed = flatten(self.params)
        known = {*fixed, *self.grid, *parameters_of(self.grid)}
        for name in (name for rule in self.exclude for name in parameters_of(rule)):
            if name not in known:
                raise unknown("parameter of the grid in exclude:", name, known)
        _see_that_they_can_be_counted([self.grid, *self.include])
        made = [{**fixed, **cell} for cell in combinations(self.grid)] if self.grid else []
        for rule in self.exclude:
            made = [cell for cell, out in zip(made, matching(made, rule), strict=True) if not out]
        extra = [{**fixed, **cell} for rule in self.include for cell in combinations(rule)]
        return made + extra

    def shared(self) -> set[str]:
        """The parameters, dotted, that `params` gives every cell: no axis or further cell changes them."""
        varied = {name for rule in (self.grid, *self.include) for name in parameters_of(rule)}
        return flatten(self.params).keys() - varied

    def changed(self, axes: Mapping[str, list[Any]], params: Flat) -> "Grid":
        """This grid with other values: in `include` too, whose cells all get those of the axes given here.

        Args:
            axes: parameters with their values.
            params: parameters with one value, which comes before any axis.
        """

        def kept(rule: Mapping[str, Any]) -> dict[str, Any]:
            return without({**without(rule, axes), **axes}, params)

        return self.model_copy(
            update={
                "grid": kept(self.grid) if self.grid or not self.include else {},
                "params": {**flatten(self.params), **params},
                "include": [kept(rule) for rule in self.include],
            }
        )

    def digest(self) -> str:
        """Eight characters that stand for the cells."""
        content = json.dumps(self.model_dump(mode="json", exclude={"resources"}), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:8]


def read_grid(name: str, folders: Iterable[Path]) -> Grid:
    """The grid called `name`, from the first folder that has it.

    Raises:
        UserError: there is none, or it is not a grid.
    """
    check_name("a sweep", name)
    searched = list(folders)
    for folder in searched:
        file = folder / f"{name}.yml"
        if file.is_file():
            content = read_yaml_file(file)
            if not isinstance(content, Mapping):
                raise UserError(
                    f"{file} holds no grid: it needs `grid:` with a list of values per parameter."
                )
            return check(Grid, content, "")
    raise unknown("sweep", name, [file.stem for folder in searched for file in folder.glob("*.yml")])


def _see_that_they_can_be_counted(rules: Iterable[Mapping[str, Any]]) -> None:
    count = sum(
        prod(len(one) if isinstance(one, list) else 1 for one in rule.values()) for rule in rules if rule
    )
    if count > MAX_CELLS:
        raise UserError(f"the grid has {count:,} cells: choose among their values, {MAX_CELLS:,} are most.")


def _as_typed(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def chosen(cells: list[Flat], rule: Mapping[str, list[Any]], defaults: Flat) -> list[Flat]:
    """The cells that have one of the values of every parameter named, by default or as the cell says.

    Raises:
        UserError: a parameter is not known, or no cell has such values.
    """
    known = {*defaults, *(name for cell in cells for name in cell)}
    for name in parameters_of(rule):
        if name not in known:
            raise unknown("parameter in --only:", name, known)
    fitting = [cell for cell, fits in zip(cells, matching(cells, rule, defaults), strict=True) if fits]
    if cells and not fitting:
        wanted = " ".join(f"{name}={','.join(map(_as_typed, values))}" for name, values in rule.items())
        raise UserError(f"no cell of the grid can be: none has --only {wanted}.")
    return fitting
