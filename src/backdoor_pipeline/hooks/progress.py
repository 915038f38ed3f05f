"""What a run is at while nothing comes out of it: an attacker's networks are trained, figures are drawn."""

import sys
from collections.abc import Set as AbstractSet
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from rich.console import Console
from tqdm import tqdm

from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.hooks.absent import absent
from backdoor_pipeline.hooks.figures import MARK, asked_figures


class ProgressHooks:
    """Says what takes a while, as it begins; counts figures where somebody watches.

    Trainings show bars of their own.
    """

    _bar: "tqdm[Any] | None" = None  # none in the processes that ParallelRunner starts afresh
    _wanted: AbstractSet[str] = frozenset()  # the figures that are to be drawn

    def __init__(self) -> None:
        self._console = Console()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the context: the experiment is read from it."""
        self._context = context

    @hook_impl
    def before_pipeline_run(
        self, pipeline: Pipeline, catalog: DataCatalog, run_params: dict[str, Any]
    ) -> None:
        """Count the figures that are to be drawn."""
        self._wanted = _figures_at_the_end(pipeline, catalog, again=not run_params["only_missing_outputs"])
        self._bar = None

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Say what begins."""
        if node.name == "prepare":
            wanted = self._context.config_loader["parameters"]["experiment"]["preparing"]["name"]
            if wanted != NONE:
                self._console.print(f"{'prepare':<15} training {wanted}", highlight=False)
        elif node.name == "train_control":
            if self._context.config_loader["parameters"]["experiment"]["choices"]["control"]:
                self._console.print(f"{'control':<15} training a clean model", highlight=False)
        elif node.outputs[0] in self._wanted:
            self._bar = self._bar or self._begin()
            self._bar.set_description(node.outputs[0].removeprefix(MARK))

    @hook_impl
    def after_node_run(self, node: Node) -> None:
        """Count a figure."""
        if self._bar is not None and node.outputs[0] in self._wanted:
            self._bar.update()

    @hook_impl(tryfirst=True)
    def after_pipeline_run(self) -> None:
        """Nothing is under way."""
        self._close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Nothing is under way."""
        self._close()

    def _begin(self) -> "tqdm[Any]":
        self._console.print(f"{'figures':<15} drawing {len(self._wanted)}", highlight=False)
        return tqdm(total=len(self._wanted), unit="figure", leave=False, disable=not sys.stderr.isatty())

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._wanted = None, frozenset()


def _figures_at_the_end(pipeline: Pipeline, catalog: DataCatalog, *, again: bool) -> set[str]:
    """The figures that are to be drawn when no stage is left; few are drawn in between."""
    asked = {*asked_figures(pipeline, catalog)}
    at_the_end: set[str] = set()
    for node in pipeline.nodes:
        name = node.outputs[0]
        if name in asked:
            at_the_end |= {name} if again or absent(catalog, name) else set()
        elif not name.startswith(MARK) and (again or any(absent(catalog, one) for one in node.outputs)):
            at_the_end.clear()
    return at_the_end
