"""the victim's training -> what was noted while it went on."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.watch.nodes import watch_training


def create_pipeline() -> Pipeline:
    """The watch stage."""
    return Pipeline(
        [
            Node(
                func=watch_training,
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
                    "params:experiment.watching",
                    "watch_folder",
                    "train_metrics",
                ],
                outputs=["watched_epochs", "watched_samples"],
                name="watch",
                tags="watch",
            )
        ]
    )
