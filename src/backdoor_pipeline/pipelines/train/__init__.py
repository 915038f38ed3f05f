"""The train stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.train.pipeline import create_pipeline

__all__ = ["create_pipeline"]
