"""one experiment -> its figures."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.analyze.nodes import (
    draw_confusion_after,
    draw_confusion_before,
    draw_defense,
    draw_samples,
    draw_training_curves,
)


def create_pipeline() -> Pipeline:
    """The analyze stage."""
    choices = "params:experiment.choices"
    return Pipeline(
        [
            Node(
                func=draw_samples,
                inputs=["clean_test", "poisoned_test", choices, "params:experiment.analyzing"],
                outputs="figure_samples",
                name="draw_samples",
            ),
            Node(
                func=draw_training_curves,
                inputs=["train_history", choices],
                outputs="figure_training_curves",
                name="draw_training_curves",
            ),
            Node(
                func=draw_defense,
                inputs=["defend_history", "suspicion", "diagnostics", "poisoned_train", choices],
                outputs="figure_defense",
                name="draw_defense",
            ),
            Node(
                func=draw_confusion_before,
                inputs=["predictions", "clean_test", choices],
                outputs="figure_confusion_before",
                name="draw_confusion_before",
            ),
            Node(
                func=draw_confusion_after,
                inputs=["predictions", "clean_test", choices],
                outputs="figure_confusion_after",
                name="draw_confusion_after",
            ),
        ],
        tags="analyze",
    )
