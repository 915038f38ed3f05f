"""the victim's model -> the defended model."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.defend.nodes import defend_model


def create_pipeline() -> Pipeline:
    """The defend stage."""
    return Pipeline(
        [
            Node(
                func=defend_model,
                inputs=[
                    "clean_train",
                    "poisoned_train",
                    "backdoored_model",
                    "params:experiment.dataset",
                    "params:experiment.defending",
                    "params:experiment.engine",
                    "train_metrics",
                ],
                outputs=["defended_model", "defend_history", "suspicion", "diagnostics", "defend_metrics"],
                name="defend",
                tags="defend",
            )
        ]
    )
