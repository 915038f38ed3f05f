"""the victim's training -> what was noted while it went on."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.watch.nodes import watch_training


def create_pipeline() -> Pipeline:
    """The watch stage."""
    return Pipeline(
        [
            Node(
                func=watch_training,
                inputs=["clean", "poison", "params:stages.watch", "watch_folders", "train_metrics"],
                outputs=["watched_epochs", "watched_samples"],
                name="watch",
                tags="watch",
            )
        ]
    )
