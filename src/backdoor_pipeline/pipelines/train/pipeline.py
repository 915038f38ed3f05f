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
                    "clean_train",
                    "clean_test",
                    "poisoned_train",
                    "poisoned_test",
                    "trigger",
                    "attacker_networks",
                    "prepare_history",
                    "params:experiment.dataset",
                    "params:experiment.poisoning",
                    "params:experiment.training",
                    "params:experiment.engine",
                    "train_checkpoints",
                    "params:experiment.watching",
                    "watch_folder",
                ],
                outputs=["backdoored_model", "train_history", "train_metrics"],
                name="train",
                tags="train",
            )
        ]
    )
