"""The report: nodes and their wiring."""

from backdoor_pipeline.pipelines.report.pipeline import create_pipeline

__all__ = ["create_pipeline"]
