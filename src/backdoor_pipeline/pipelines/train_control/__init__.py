"""The train_control stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.train_control.pipeline import create_pipeline

__all__ = ["create_pipeline"]
