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
                    "clean_test",
                    "poisoned_train",
                    "poisoned_test",
                    "backdoored_model",
                    "defended_model",
                    "suspicion",
                    "diagnostics",
                    "params:experiment.dataset",
                    "params:experiment.engine",
                ],
                outputs=["evaluate_metrics", "predictions", "candidates"],
                name="evaluate",
                tags="evaluate",
            )
        ]
    )
