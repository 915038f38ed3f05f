"""poisoned rows over clean images -> the victim's model."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.train.nodes import train_victim


def create_pipeline() -> Pipeline:
    """The train stage."""
    return Pipeline(
        [
            Node(
                func=train_victim,
                inputs=[
                    "clean",
                    "poison",
                    "attacker_networks",
                    "prepare_history",
                    "params:stages.train",
                    "train_folders",
                ],
                outputs=["backdoored_model", "train_history", "train_metrics"],
                name="train",
                tags="train",
            )
        ]
    )
