"""The defend stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.defend.pipeline import create_pipeline

__all__ = ["create_pipeline"]
