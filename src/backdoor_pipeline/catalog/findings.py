"""What a defense found, in the catalog."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from backdoor_pipeline.catalog.diagnostics import DiagnosticsDataset
from backdoor_pipeline.catalog.frame import FrameDataset
from backdoor_pipeline.catalog.sealed import SealedDataset
from backdoor_pipeline.catalog.several import SeveralFilesDataset
from backdoor_pipeline.defenses.diagnostics import Diagnostics


@dataclass(frozen=True, slots=True)
class Findings:
    """What a defense has to say beside its model.

    Attributes:
        suspicion: a row per training row, `index`, `score` and `flagged`, of a defense that has clusters also
            `class` and `turned_score`; empty if it blames none.
        diagnostics: see there.
    """

    suspicion: pd.DataFrame
    diagnostics: Diagnostics


class FindingsDataset(SeveralFilesDataset[Findings, Findings]):
    """A defense's suspicion of training rows and its diagnostics, in one folder.

    Args:
        folder: theirs.
        metadata: for Kedro-Viz.
    """

    FILES = ("suspicion.parquet", "diagnostics.safetensors")

    def __init__(self, *, folder: str, metadata: dict[str, Any] | None = None) -> None:
        suspicion, diagnostics = (f"{folder}/{file}" for file in self.FILES)
        parts: dict[str, SealedDataset[Any, Any]] = {
            "suspicion": FrameDataset(filepath=suspicion),
            "diagnostics": DiagnosticsDataset(filepath=diagnostics),
        }
        super().__init__(parts, metadata)

    def load(self) -> Findings:
        """Read both."""
        return Findings(**{name: part.load() for name, part in self.parts.items()})
