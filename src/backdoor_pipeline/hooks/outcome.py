"""What came out of a run, as soon as a stage knows it: C-Acc, ASR and R-Acc before and after the defense."""

from collections.abc import Mapping
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich.console import Console

from backdoor_pipeline.analysis.scoring import score
from backdoor_pipeline.experiment.specs import Experiment
from backdoor_pipeline.hooks.asked import is_asked
from backdoor_pipeline.hooks.metric_names import SECONDS
from backdoor_pipeline.hooks.percent import percent
from backdoor_pipeline.metrics.accuracy import Scores, defense_effectiveness
from backdoor_pipeline.training import Trainer

CONTROL = "evaluate_control_metrics"
HEADINGS = {"clean_accuracy": "C-Acc", "asr": "ASR", "robust_accuracy": "R-Acc"}
Metrics = Mapping[str, Any]


class OutcomeHooks:
    """Says scores as they become known. Of a run that ends before `evaluate` it scores the defended model.

    Attributes:
        found: the scores by the names that `evaluate` gives them, as far as they are known.
    """

    _running = False  # not in the processes that ParallelRunner starts afresh

    def __init__(self) -> None:
        self._console = Console()
        self.found: dict[str, float | None] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the context: the experiment is read from it."""
        self._context = context

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Nothing is known yet."""
        self._running, self.found = True, {}

    @hook_impl
    def after_node_run(self, node: Node, outputs: Mapping[str, Any]) -> None:
        """Say what a stage has just found."""
        if not self._running:
            return
        if node.name == "train":
            self._say("before defense", victim_scores(outputs["train_metrics"]), "_before")
        elif node.name == "evaluate":
            self._say("after defense", outputs["evaluate_metrics"], "_after")
        elif node.name == "evaluate_control" and (scores := outputs[CONTROL]):
            self._say("clean model", scores, "_control")

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Find what reused stages know, and what a defense came to that nothing else scores in this run."""
        made = pipeline.all_outputs()
        if "evaluate_metrics" in made:
            self.found = catalog.load("evaluate_metrics")
        elif "train_metrics" in made:
            self.found = victim_scores(catalog.load("train_metrics"))
            if "defended_model" in made:
                parameters = self._context.config_loader["parameters"]
                self.found |= defended_scores(catalog, parameters["experiment"], self.found)
        if CONTROL in made and is_asked(catalog, CONTROL):
            control = catalog.load(CONTROL)
            self.found |= {name: value for name, value in control.items() if name != SECONDS}

    def _say(self, when: str, found: Metrics, suffix: str) -> None:
        told = [f"{heading} {percent(found.get(name + suffix))}" for name, heading in HEADINGS.items()]
        self._console.print(f"{when:<15}", "   ".join(told), highlight=False)


def victim_scores(metrics: Metrics) -> dict[str, float | None]:
    """The victim's scores at the end of its training, by the names that `evaluate` gives them."""
    return {f"{name}_before": metrics.get(name) for name in HEADINGS}


def defended_scores(catalog: DataCatalog, experiment: Any, before: Metrics) -> dict[str, float | None]:
    """The defended model's scores, and DER: found here because the defense must not see the test sets.

    Args:
        catalog: of the run.
        experiment: as the configuration has it.
        before: the victim's scores.
    """
    trainer = Trainer(Experiment.model_validate(experiment).engine, None)
    clean, poison = catalog.load("clean").test, catalog.load("poison").test
    after = score(trainer, catalog.load("defended_model"), clean, poison)
    victim = Scores.model_validate({name: before[f"{name}_before"] for name in HEADINGS})
    found = {f"{name}_after": value for name, value in after.model_dump().items()}
    return {**found, "der": defense_effectiveness(victim, after)}
