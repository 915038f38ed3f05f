"""clean samples -> a clean model."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.train_control.nodes import train_control


def create_pipeline() -> Pipeline:
    """The train_control stage."""
    return Pipeline(
        [
            Node(
                func=train_control,
                inputs=["clean", "params:stages.train_control", "control_folders"],
                outputs=["control_model", "train_control_history", "train_control_metrics"],
                name="train_control",
                tags="train_control",
            )
        ]
    )
