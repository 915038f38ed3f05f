"""models before and after -> C-Acc, ASR, R-Acc, DER, detection rates."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.evaluate.nodes import evaluate_models


def create_pipeline() -> Pipeline:
    """The evaluate stage."""
    return Pipeline(
        [
            Node(
                func=evaluate_models,
                inputs=[
                    "clean",
                    "poison",
                    "backdoored_model",
                    "defended_model",
                    "findings",
                    "params:stages.evaluate",
                ],
                outputs=["evaluate_metrics", "predictions", "candidates"],
                name="evaluate",
                tags="evaluate",
            )
        ]
    )
