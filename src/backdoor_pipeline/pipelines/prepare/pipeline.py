"""clean images -> the attacker's own networks."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.prepare.nodes import prepare_attacker


def create_pipeline() -> Pipeline:
    """The prepare stage."""
    return Pipeline(
        [
            Node(
                func=prepare_attacker,
                inputs=["clean", "params:stages.prepare", "prepare_folders"],
                outputs=["attacker_networks", "prepare_history", "prepare_metrics"],
                name="prepare",
                tags="prepare",
            )
        ]
    )
