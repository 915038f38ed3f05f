"""Kedro datasets of our own: written whole or not at all, verified before they are used again (P4, P5)."""

from backdoor_pipeline.catalog.checkpoints import CheckpointFolder
from backdoor_pipeline.catalog.diagnostics import DiagnosticsDataset
from backdoor_pipeline.catalog.figure import FigureDataset
from backdoor_pipeline.catalog.frame import FrameDataset
from backdoor_pipeline.catalog.image_split import ImageSplitDataset
from backdoor_pipeline.catalog.metrics import MetricsDataset
from backdoor_pipeline.catalog.model import ModelDataset
from backdoor_pipeline.catalog.networks import NetworksDataset
from backdoor_pipeline.catalog.results import FailuresDataset, ResultsDataset, StrengthsDataset
from backdoor_pipeline.catalog.rows import PoisonedRowsDataset
from backdoor_pipeline.catalog.table import PageDataset, TableDataset
from backdoor_pipeline.catalog.trigger import TriggerDataset

__all__ = [
    "CheckpointFolder",
    "DiagnosticsDataset",
    "FailuresDataset",
    "FigureDataset",
    "FrameDataset",
    "ImageSplitDataset",
    "MetricsDataset",
    "ModelDataset",
    "NetworksDataset",
    "PageDataset",
    "PoisonedRowsDataset",
    "ResultsDataset",
    "StrengthsDataset",
    "TableDataset",
    "TriggerDataset",
]
