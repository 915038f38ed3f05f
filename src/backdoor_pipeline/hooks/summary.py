"""The table that ends a run."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from rich.console import Console
from rich.table import Table

from backdoor_pipeline.base.places import told_from
from backdoor_pipeline.base.registry import IMPORTED, NONE
from backdoor_pipeline.base.secrets import without_secrets
from backdoor_pipeline.experiment.feasible import lowered_ratio
from backdoor_pipeline.experiment.specs import Choices
from backdoor_pipeline.hooks.asked import is_asked
from backdoor_pipeline.hooks.best_view import PAGE
from backdoor_pipeline.hooks.figures import asked_figures
from backdoor_pipeline.hooks.nodes import RunNodes
from backdoor_pipeline.hooks.outcome import HEADINGS, OutcomeHooks
from backdoor_pipeline.hooks.percent import percent
from backdoor_pipeline.hooks.tracking import TrackingHooks
from backdoor_pipeline.pipeline_registry import REPORT
from backdoor_pipeline.reporting.summary import percent_ratio

SERVED = "http://127.0.0.1:5000"  # where `mlflow ui` is
Metrics = Mapping[str, Any]


class SummaryHooks:
    """Prints what a run found, what each stage cost, and where to look further."""

    _nodes: RunNodes | None = None  # none in the processes that ParallelRunner starts afresh

    def __init__(self, tracking: TrackingHooks, outcome: OutcomeHooks) -> None:
        self._console = Console()
        self._tracking, self._outcome = tracking, outcome

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the context: the experiment is read from it at the end."""
        self._context = context

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Begin to note which stages are not reused."""
        self._nodes = RunNodes(pipeline, catalog)

    @hook_impl
    def after_node_run(self, node: Any) -> None:
        """Note one."""
        if self._nodes:
            self._nodes.add(node.name)

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Print the tables."""
        parameters = self._context.config_loader["parameters"]
        outputs = [name for node in pipeline.nodes for name in node.outputs if is_asked(catalog, name)]
        metrics = {
            name.removesuffix("_metrics"): catalog.load(name) for name in outputs if name.endswith("_metrics")
        }
        self._console.print()
        if REPORT in metrics:
            for line in report_lines(catalog, metrics[REPORT], self._context.project_path):
                self._console.print(line, soft_wrap=True, highlight=False)
            return
        if self._outcome.found:
            choices = Choices.model_validate(parameters["experiment"]["choices"])
            goal, lowered = target(choices, metrics.get("poison", {})), lowered_ratio(choices, parameters)
            self._console.print(result_table(choices, self._outcome.found, goal, lowered))
        self._console.print(stage_table(metrics, self._nodes.ran() if self._nodes else set()))
        store = self._context.config_loader["mlflow"]["tracking_uri"]
        figures = [catalog.load(name) for name in asked_figures(pipeline, catalog)]
        runs = where_runs_are(store, self._tracking.experiment)
        for line in hints(figures, self._context.project_path, bool(self._outcome.found), runs):
            self._console.print(line, soft_wrap=True, highlight=False)


def target(choices: Choices, poisoned: Metrics) -> str:
    """What the attacker is after: the target class by its number and name; nothing for no attack."""
    if choices.attack in (NONE, IMPORTED):
        return ""
    if choices.label_map != "all_to_one":
        return "all to all"
    label, name = str(choices.target_label), poisoned.get("target_class")
    return f"target {label}" + ("" if name in (None, label) else f" (class {name})")


def result_table(choices: Choices, found: Metrics, goal: str, lowered: str = "") -> Table:
    """C-Acc, ASR and R-Acc before and, if there was a defense, after, and DER, in percent; the control's.

    Args:
        choices: the experiment's.
        found: the scores, by the names that `evaluate` gives them.
        goal: what `target` says.
        lowered: what to say of the ratio if it is not the one of the parameters.
    """
    ratio = "" if choices.attack in (NONE, IMPORTED) else lowered or percent_ratio(choices.poison_ratio)
    told = (f"{choices.dataset}, {choices.model}, seed {choices.seed}", ratio, goal)
    title = ", ".join(filter(None, told))
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in ("attack", "defense", "", *HEADINGS.values(), "DER"):
        table.add_column(heading, justify="left" if heading in ("attack", "defense", "") else "right")
    defended = "der" in found
    for when in ("before", "after") if defended else ("before",):
        scores = [percent(found[f"{name}_{when}"]) for name in HEADINGS]
        names = (choices.attack, choices.defense if defended else "") if when == "before" else ("", "")
        table.add_row(*names, when, *scores, percent(found["der"]) if when == "after" else "")
    if "asr_control" in found:
        table.add_row("none", "", "control", *(percent(found[f"{name}_control"]) for name in HEADINGS), "")
    return table


def stage_table(metrics: Mapping[str, Metrics], ran: set[str]) -> Table:
    """Seconds of each stage, and whether it was reused."""
    table = Table(header_style="bold")
    for stage in metrics:
        name = stage.replace("_", " ")  # breaks between words: all columns fit a terminal of 80
        table.add_column(name if stage in ran else f"{name} (reused)", justify="right")
    table.add_row(*(f"{one['seconds']:.1f} s" for one in metrics.values()))
    return table


def report_lines(catalog: DataCatalog, counts: Metrics, project: Path) -> list[str]:
    """What a report is about, and where it is."""
    page = told_from(project, catalog.load("report_leaderboard"))
    failed = f"; {counts['failed']} failed tasks" if counts["failed"] else ""
    return [
        f"experiments: {counts['experiments']}; settings but for the seed, of undefended victims too: "
        f"{counts['settings']}{failed}",
        f"leaderboard  {page}",
        f"figures      {page.parent}/*.png",
        f"tables       {page.parent}/table_*: .csv, .parquet, .html, .tex",
    ]


def hints(figures: list[Path], project: Path, scored: bool, runs: list[str]) -> list[str]:
    """Where the figures are and what to open next."""
    lines = [f"figures    {told_from(project, figures[0].parent)}/*.png"] if figures else []
    if not scored:
        lines.append("scores     kedro run --pipeline=evaluate with the same --params")
    marks = ["runs", *[""] * len(runs)]
    lines += [f"{mark:<10} {line}" for mark, line in zip(marks, runs, strict=False)]
    return [*lines, "pipelines  kedro viz run, then http://127.0.0.1:4141/?types=nodes for the stages alone"]


def where_runs_are(store: str, experiment: str = "") -> list[str]:
    """How to look at what was tracked; nothing of the store's address that may be a secret is shown.

    Args:
        store: the configured one. The environment's `MLFLOW_TRACKING_URI` goes before it.
        experiment: the id of MLflow's; empty: it is not known.

    >>> where_runs_are("sqlite:///mlflow.db", "1")[1]
    'http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=best'
    >>> where_runs_are("https://me:secret@tracking.example:5000/team?token=secret")
    ['https://tracking.example:5000/team']
    """
    own = os.environ.get("MLFLOW_TRACKING_URI")
    address = own or store
    page = PAGE.format(experiment) if experiment else ""
    if address.startswith(("http://", "https://")):
        return [without_secrets(address) + page]
    return [_served(own, store), *([SERVED + page] if page else [])]


def _served(own: str | None, store: str) -> str:
    """What serves the pages of a store that is no server."""
    if own:
        return 'mlflow ui --backend-store-uri "$MLFLOW_TRACKING_URI"'
    if without_secrets(store) != store:
        return "mlflow ui --backend-store-uri, with the tracking_uri of conf/*/mlflow.yml"
    return f"mlflow ui --backend-store-uri {store}"
