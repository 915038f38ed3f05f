"""Kedro datasets of our own: written whole or not at all, verified before they are used again (P4, P5)."""

from backdoor_pipeline.catalog.clean import CleanDataset, SplitDataset
from backdoor_pipeline.catalog.diagnostics import DiagnosticsDataset
from backdoor_pipeline.catalog.figure import FigureDataset
from backdoor_pipeline.catalog.findings import Findings, FindingsDataset
from backdoor_pipeline.catalog.folders import Folders, FoldersDataset
from backdoor_pipeline.catalog.frame import FrameDataset
from backdoor_pipeline.catalog.metrics import MetricsDataset
from backdoor_pipeline.catalog.model import ModelDataset
from backdoor_pipeline.catalog.networks import NetworksDataset
from backdoor_pipeline.catalog.on_request import OnRequestDataset
from backdoor_pipeline.catalog.poison import PoisonDataset
from backdoor_pipeline.catalog.results import FailuresDataset, ResultsDataset, StrengthsDataset
from backdoor_pipeline.catalog.rows import PoisonedRowsDataset
from backdoor_pipeline.catalog.table import PageDataset, TableDataset
from backdoor_pipeline.catalog.trigger import TriggerDataset

__all__ = [
    "CleanDataset",
    "DiagnosticsDataset",
    "FailuresDataset",
    "FigureDataset",
    "Findings",
    "FindingsDataset",
    "Folders",
    "FoldersDataset",
    "FrameDataset",
    "MetricsDataset",
    "ModelDataset",
    "NetworksDataset",
    "OnRequestDataset",
    "PageDataset",
    "PoisonDataset",
    "PoisonedRowsDataset",
    "ResultsDataset",
    "SplitDataset",
    "StrengthsDataset",
    "TableDataset",
    "TriggerDataset",
]
