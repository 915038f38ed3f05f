"""The analyze stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.analyze.pipeline import create_pipeline

__all__ = ["create_pipeline"]
