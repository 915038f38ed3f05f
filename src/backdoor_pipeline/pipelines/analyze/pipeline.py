"""one experiment -> its figures."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.analyze import training
from backdoor_pipeline.pipelines.analyze.explaining import (
    draw_frequency,
    draw_full_grad,
    draw_grad_cam,
    draw_shapley,
)
from backdoor_pipeline.pipelines.analyze.featuring import (
    draw_activations,
    draw_stealth,
    draw_tac,
    draw_tsne,
    draw_umap,
)
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
    compared = ["backdoored_model", "defended_model", "params:experiment.engine", choices]
    images = ["clean_test", "poisoned_test", *compared, "params:experiment.analyzing"]
    decisions = ["clean_test", "poisoned_test", "predictions", *compared, "params:experiment.analyzing"]
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
                func=training.draw_learning,
                inputs=["watched_epochs", choices],
                outputs="figure_learning",
                name="draw_learning",
            ),
            Node(
                func=training.draw_gradients,
                inputs=["watched_epochs", choices],
                outputs="figure_gradients",
                name="draw_gradients",
            ),
            Node(
                func=training.draw_forgetting,
                inputs=["watched_samples", choices],
                outputs="figure_forgetting",
                name="draw_forgetting",
            ),
            Node(
                func=training.measure_strengths,
                inputs=[
                    "clean_test",
                    "poisoned_test",
                    "trigger",
                    "backdoored_model",
                    "defended_model",
                    "params:experiment.dataset",
                    "params:experiment.engine",
                    choices,
                ],
                outputs="trigger_strengths",
                name="measure_strengths",
            ),
            Node(
                func=training.draw_generalization,
                inputs=["trigger_strengths", choices],
                outputs="figure_generalization",
                name="draw_generalization",
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
            Node(func=draw_grad_cam, inputs=decisions, outputs="figure_grad_cam", name="draw_grad_cam"),
            Node(func=draw_full_grad, inputs=decisions, outputs="figure_full_grad", name="draw_full_grad"),
            Node(func=draw_shapley, inputs=decisions, outputs="figure_shapley", name="draw_shapley"),
            Node(func=draw_frequency, inputs=decisions, outputs="figure_frequency", name="draw_frequency"),
            Node(func=draw_tsne, inputs=images, outputs="figure_tsne", name="draw_tsne"),
            Node(func=draw_umap, inputs=images, outputs="figure_umap", name="draw_umap"),
            Node(func=draw_activations, inputs=images, outputs="figure_activations", name="draw_activations"),
            Node(func=draw_tac, inputs=images, outputs="figure_tac", name="draw_tac"),
            Node(
                func=draw_stealth,
                inputs=["poison_metrics", choices],
                outputs="figure_stealth",
                name="draw_stealth",
            ),
        ],
        tags="analyze",
    )
