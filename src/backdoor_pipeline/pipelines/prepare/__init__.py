"""The prepare stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.prepare.pipeline import create_pipeline

__all__ = ["create_pipeline"]
