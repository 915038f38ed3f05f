"""a clean model, triggered samples -> its C-Acc, ASR, R-Acc."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.evaluate_control.nodes import evaluate_control


def create_pipeline() -> Pipeline:
    """The evaluate_control stage."""
    return Pipeline(
        [
            Node(
                func=evaluate_control,
                inputs=["clean", "poison", "control_model", "params:stages.evaluate_control"],
                outputs="evaluate_control_metrics",
                name="evaluate_control",
                tags="evaluate_control",
            )
        ]
    )
