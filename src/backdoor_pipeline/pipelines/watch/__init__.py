"""The watch stage: nodes and their wiring."""

from backdoor_pipeline.pipelines.watch.pipeline import create_pipeline

__all__ = ["create_pipeline"]
