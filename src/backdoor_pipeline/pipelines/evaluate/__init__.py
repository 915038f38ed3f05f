"""The evaluate stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.evaluate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
