"""The results of all experiments in the catalog, to be read only."""

from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from backdoor_pipeline.analysis.generalization import COLUMNS
from backdoor_pipeline.base.arrowfile import load_table
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.left_out import LeftOut
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.catalog.read_only import ReadOnlyDataset
from backdoor_pipeline.experiment.failures import Failures
from backdoor_pipeline.experiment.records import ID, read_results, without_empty
from backdoor_pipeline.experiment.result import Row, Share, Text, checked

FAILURE = ["sweep", "task", "error", "params", "log", "when"]


class Strength(BaseModel):
    """A row of `analysis.generalization.strength_rows`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    strength_of: Text
    trained: float
    strength: float
    model: Literal["before", "after"]
    images: int = Field(ge=0)
    asr: Share | None = None
    robust_accuracy: Share | None = None


class RowsOfAll(ReadOnlyDataset[pd.DataFrame]):
    """A frame that is put together from what experiments left.

    Args:
        filepath: where they left it.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__({"filepath": filepath}, metadata)
        self.path = Path(filepath)


class ResultsDataset(RowsOfAll):
    """One row per evaluated experiment, of sweeps and of single runs; see `records`.

    Args:
        filepath: the table that sweeps write; single runs leave files in folders beside it.
        metadata: for Kedro-Viz.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._ahead: pd.DataFrame | None = None

    def read_ahead(self) -> pd.DataFrame:
        """Read all results now, for the next `load` too, which then warns of nothing again.

        Raises:
            DatasetError: from a UserError: there is none.
        """
        self._ahead = self.load()
        return self._ahead

    def load(self) -> pd.DataFrame:
        """Read all results, unless that was just done.

        Raises:
            UserError: there is none.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        results = read_results(self.path)
        if results.empty:
            raise UserError("there are no results to report: run `kedro sweep` or `kedro run` first.")
        return results


class StrengthsDataset(RowsOfAll):
    """What all experiments that were analyzed measured of triggers of other strengths.

    Args:
        filepath: the folder that holds the experiments' own, by data set.
        metadata: for Kedro-Viz.
    """

    def load(self) -> pd.DataFrame:
        """The rows of `analysis.generalization.strength_rows`, and whose they are in `artifact.evaluate`."""
        left_out, found = LeftOut(), []
        for file in sorted(self.path.glob("*/*/strengths.parquet")):  # empty of triggers without a strength
            rows = left_out.read(file, _strengths, "delete it and run its experiment again")
            found += [{**row, ID: f"{file.parent.parent.name}/{file.parent.name}"} for row in rows or []]
        return pd.DataFrame(found, columns=[*COLUMNS, ID])


def _strengths(file: Path) -> list[Row]:
    return [checked(Strength, row) for row in without_empty(load_table(file, Seal.at(file)).to_pylist())]


class FailuresDataset(RowsOfAll):
    """One row per failed task of any sweep.

    Args:
        filepath: the folder of the sweeps.
        metadata: for Kedro-Viz.
    """

    def load(self) -> pd.DataFrame:
        """Read all failures; a task that failed in several sweeps is there once."""
        left_out = LeftOut()
        rows = [
            {"sweep": folder.parent.name, **{name: getattr(failure, name) for name in FAILURE[1:]}}
            for folder in sorted(self.path.glob("*/failures"))
            for failure in Failures(folder, left_out).read().values()
        ]
        return pd.DataFrame(rows, columns=FAILURE).drop_duplicates("task", keep="last", ignore_index=True)
