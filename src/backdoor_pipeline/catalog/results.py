"""The results of all experiments in the catalog, to be read only."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from backdoor_pipeline.analysis.generalization import COLUMNS
from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.seals import Seal
from backdoor_pipeline.catalog.frame import load_frame
from backdoor_pipeline.catalog.read_only import ReadOnlyDataset
from backdoor_pipeline.experiment.failures import Failures
from backdoor_pipeline.experiment.records import ID, read_results

logger = logging.getLogger(__name__)

FAILURE = ["sweep", "task", "error", "params", "log", "when"]


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

    def load(self) -> pd.DataFrame:
        """Read all results.

        Raises:
            UserError: there is none.
        """
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
        filled = [frame for frame in self._frames() if len(frame)]  # of attacks whose trigger has a strength
        return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=[*COLUMNS, ID])

    def _frames(self) -> Iterator[pd.DataFrame]:
        for file in sorted(self.path.glob("*/*/strengths.parquet")):
            try:
                frame = load_frame(file, Seal.at(file))
            except (FileNotFoundError, CorruptFileError, UserError) as error:
                logger.warning("%s is left out (%s): run its experiment again.", file, error)
            else:
                yield frame.assign(**{ID: f"{file.parent.parent.name}/{file.parent.name}"})


class FailuresDataset(RowsOfAll):
    """One row per failed task of any sweep.

    Args:
        filepath: the folder of the sweeps.
        metadata: for Kedro-Viz.
    """

    def load(self) -> pd.DataFrame:
        """Read all failures; a task that failed in several sweeps is there once."""
        rows = [
            {"sweep": folder.parent.name, **{name: getattr(failure, name) for name in FAILURE[1:]}}
            for folder in sorted(self.path.glob("*/failures"))
            for failure in Failures(folder).read().values()
        ]
        return pd.DataFrame(rows, columns=FAILURE).drop_duplicates("task", keep="last", ignore_index=True)
