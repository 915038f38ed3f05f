"""The evaluate_control stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.evaluate_control.pipeline import create_pipeline

__all__ = ["create_pipeline"]
