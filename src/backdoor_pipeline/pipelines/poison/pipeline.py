"""clean images -> poisoned rows."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.poison.nodes import poison_dataset


def create_pipeline() -> Pipeline:
    """The poison stage."""
    return Pipeline(
        [
            Node(
                func=poison_dataset,
                inputs=[
                    "clean_train",
                    "clean_test",
                    "attacker_networks",
                    "params:experiment.dataset",
                    "params:experiment.poisoning",
                    "params:experiment.engine",
                ],
                outputs=["poisoned_train", "poisoned_test", "trigger", "poison_metrics"],
                name="poison",
                tags="poison",
            )
        ]
    )
