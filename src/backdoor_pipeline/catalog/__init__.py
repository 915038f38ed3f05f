"""Kedro datasets of our own: written whole or not at all, verified before they are used again (P4, P5)."""

from backdoor_pipeline.catalog.checkpoints import CheckpointFolder
from backdoor_pipeline.catalog.diagnostics import DiagnosticsDataset
from backdoor_pipeline.catalog.figure import FigureDataset
from backdoor_pipeline.catalog.frame import FrameDataset
from backdoor_pipeline.catalog.image_split import ImageSplitDataset
from backdoor_pipeline.catalog.metrics import MetricsDataset
from backdoor_pipeline.catalog.model import ModelDataset
from backdoor_pipeline.catalog.networks import NetworksDataset
from backdoor_pipeline.catalog.rows import PoisonedRowsDataset
from backdoor_pipeline.catalog.trigger import TriggerDataset

__all__ = [
    "CheckpointFolder",
    "DiagnosticsDataset",
    "FigureDataset",
    "FrameDataset",
    "ImageSplitDataset",
    "MetricsDataset",
    "ModelDataset",
    "NetworksDataset",
    "PoisonedRowsDataset",
    "TriggerDataset",
]
