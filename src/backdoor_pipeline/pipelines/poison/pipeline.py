"""clean images -> poisoned rows."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.poison.nodes import poison_dataset


def create_pipeline() -> Pipeline:
    """The poison stage."""
    return Pipeline(
        [
            Node(
                func=poison_dataset,
                inputs=["clean", "attacker_networks", "params:stages.poison"],
                outputs=["poison", "poison_metrics"],
                name="poison",
                tags="poison",
            )
        ]
    )
