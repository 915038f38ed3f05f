"""one experiment -> its figures."""

from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.analysis.figure import NOT_DRAWN, Figure
from backdoor_pipeline.pipelines.analyze import explaining, featuring, nodes, purifying, training
from backdoor_pipeline.pipelines.analyze.shown import of_images

MODELS = ["backdoored_model", "defended_model"]
STAGE = "params:stages.analyze"

FIGURES: dict[str, tuple[Callable[..., Figure], list[str]]] = {  # name: what draws it, and of what
    "samples": (nodes.draw_samples, ["clean", "poison", "defended_model"]),
    "training_curves": (nodes.draw_training_curves, ["train_history"]),
    "learning": (training.draw_learning, ["watched_epochs"]),
    "gradients": (training.draw_gradients, ["watched_epochs"]),
    "forgetting": (training.draw_forgetting, ["watched_samples"]),
    "generalization": (training.draw_generalization, ["trigger_strengths"]),
    "defense": (nodes.draw_defense, ["defend_history", "findings", "poison"]),
    "confusion_before": (nodes.draw_confusion_before, ["predictions", "clean"]),
    "confusion_after": (nodes.draw_confusion_after, ["predictions", "clean"]),
    "grad_cam": (explaining.draw_grad_cam, ["clean", "poison", "predictions", *MODELS]),
    "full_grad": (explaining.draw_full_grad, ["clean", "poison", "predictions", *MODELS]),
    "shapley": (explaining.draw_shapley, ["clean", "poison", "predictions", *MODELS]),
    "frequency": (explaining.draw_frequency, ["clean", "poison", "predictions", *MODELS]),
    "tsne": (featuring.draw_tsne, ["clean", "poison", *MODELS]),
    "umap": (featuring.draw_umap, ["clean", "poison", *MODELS]),
    "activations": (featuring.draw_activations, ["clean", "poison", *MODELS]),
    "tac": (featuring.draw_tac, ["clean", "poison", *MODELS]),
    "stealth": (nodes.draw_stealth, ["poison_metrics"]),
    "words_removed": (purifying.draw_words_removed, ["clean", "poison", "defended_model"]),
    "perplexity": (purifying.draw_perplexity, ["clean", "poison", "defended_model"]),
}

FOLDED = "figures"  # one box of Kedro-Viz, which opens
OF_IMAGES = {"gradients", "grad_cam", "full_grad", "shapley", "frequency", "tac", "stealth"}


def on_request(name: str, draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """The node that draws a figure if it is asked for; `--force` runs it otherwise too."""

    @wraps(draw)
    def drawn(*given: Any) -> Figure:
        return draw(*given) if name in given[-1].analyzing.figures else NOT_DRAWN

    drawn.__module__, drawn.__qualname__ = __name__, f"DRAWN.{name}"  # where other processes find it
    return drawn


DRAWN = SimpleNamespace(  # ParallelRunner hands nodes to its processes by the names of their functions
    **{
        name: on_request(name, of_images(name, draw) if name in OF_IMAGES else draw)
        for name, (draw, _) in FIGURES.items()
    }
)


def create_pipeline() -> Pipeline:
    """The analyze stage."""
    strengths = Node(
        func=training.measure_strengths,
        inputs=["clean", "poison", *MODELS, STAGE],
        outputs="trigger_strengths",
        name="measure_strengths",
    )
    figures = [
        Node(
            func=getattr(DRAWN, name),
            inputs=[*given, STAGE],
            outputs=f"{FOLDED}.{name}",
            name=f"draw_{name}",
            namespace=FOLDED,
        )
        for name, (_, given) in FIGURES.items()
    ]
    return Pipeline([strengths, *figures], tags="analyze")
