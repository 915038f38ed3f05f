"""The poison stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.poison.pipeline import create_pipeline

__all__ = ["create_pipeline"]
