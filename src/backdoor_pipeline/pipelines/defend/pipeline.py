"""the victim's model -> the defended model."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.defend.nodes import defend_model


def create_pipeline() -> Pipeline:
    """The defend stage."""
    return Pipeline(
        [
            Node(
                func=defend_model,
                inputs=["clean", "poison", "backdoored_model", "params:stages.defend", "train_metrics"],
                outputs=["defended_model", "defend_history", "findings", "defend_metrics"],
                name="defend",
                tags="defend",
            )
        ]
    )
