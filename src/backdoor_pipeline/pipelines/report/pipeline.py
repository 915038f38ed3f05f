"""results of all experiments -> figures, tables, a leaderboard."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.report import nodes

SETTINGS, REPORT = "report_settings", "params:report"

Names = str | list[str]

NODES: dict[
    str, tuple[Callable[..., Any], Names, Names]
] = {  # name: what does it, of what, and what comes out
    "collect": (
        nodes.collect,
        ["results", "failures", REPORT],
        ["report_cells", SETTINGS, "report_failures", "report_metrics"],
    ),
    "lay_beside_published": (
        nodes.lay_beside_published,
        [SETTINGS, REPORT],
        ["report_compared", "report_figure_published", "report_table_published"],
    ),
    "sweep_parameters": (
        nodes.sweep_parameters,
        ["report_cells", REPORT],
        ["report_figure_sensitivity", "report_table_sensitivity"],
    ),
    "draw_strengths": (nodes.draw_strengths, ["report_cells", "all_strengths"], "report_figure_strengths"),
    "draw_overview": (nodes.draw_overview, SETTINGS, "report_figure_overview"),
    "draw_heat_map": (nodes.draw_heat_map, SETTINGS, "report_figure_heat_map"),
    "draw_dataset_effect": (nodes.draw_dataset_effect, SETTINGS, "report_figure_datasets"),
    "draw_ratio_effect": (nodes.draw_ratio_effect, SETTINGS, "report_figure_ratios"),
    "draw_model_effect": (nodes.draw_model_effect, SETTINGS, "report_figure_models"),
    "tabulate_results": (nodes.tabulate_results, SETTINGS, "report_table_results"),
    "tabulate_benchmark": (nodes.tabulate_benchmark, SETTINGS, "report_table_benchmark"),
    "tabulate_failures": (nodes.tabulate_failures, "report_failures", "report_table_failures"),
    "write_leaderboard": (
        nodes.write_leaderboard,
        [SETTINGS, "report_compared", "report_failures"],
        "report_leaderboard",
    ),
}


def create_pipeline() -> Pipeline:
    """The report."""
    made = [
        Node(func=func, inputs=inputs, outputs=outputs, name=name)
        for name, (func, inputs, outputs) in NODES.items()
    ]
    return Pipeline(made, tags="report")
