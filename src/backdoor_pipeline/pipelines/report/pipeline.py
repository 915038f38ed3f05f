"""results of all experiments -> figures, tables, a leaderboard."""

from kedro.pipeline import Node, Pipeline

from backdoor_pipeline.pipelines.report import nodes


def create_pipeline() -> Pipeline:
    """The report."""
    settings, report = "report_settings", "params:report"
    return Pipeline(
        [
            Node(
                func=nodes.collect,
                inputs=["results", "failures", report],
                outputs=["report_cells", settings, "report_failures", "report_metrics"],
                name="collect",
            ),
            Node(
                func=nodes.lay_beside_published,
                inputs=[settings, report],
                outputs=["report_compared", "report_figure_published", "report_table_published"],
                name="lay_beside_published",
            ),
            Node(
                func=nodes.sweep_parameters,
                inputs=["report_cells", report],
                outputs=["report_figure_sensitivity", "report_table_sensitivity"],
                name="sweep_parameters",
            ),
            Node(
                func=nodes.draw_strengths,
                inputs=["report_cells", "all_strengths"],
                outputs="report_figure_strengths",
                name="draw_strengths",
            ),
            Node(
                func=nodes.draw_overview,
                inputs=settings,
                outputs="report_figure_overview",
                name="draw_overview",
            ),
            Node(
                func=nodes.draw_heat_map,
                inputs=settings,
                outputs="report_figure_heat_map",
                name="draw_heat_map",
            ),
            Node(
                func=nodes.draw_dataset_effect,
                inputs=settings,
                outputs="report_figure_datasets",
                name="draw_dataset_effect",
            ),
            Node(
                func=nodes.draw_ratio_effect,
                inputs=settings,
                outputs="report_figure_ratios",
                name="draw_ratio_effect",
            ),
            Node(
                func=nodes.draw_model_effect,
                inputs=settings,
                outputs="report_figure_models",
                name="draw_model_effect",
            ),
            Node(
                func=nodes.tabulate_results,
                inputs=settings,
                outputs="report_table_results",
                name="tabulate_results",
            ),
            Node(
                func=nodes.tabulate_benchmark,
                inputs=settings,
                outputs="report_table_benchmark",
                name="tabulate_benchmark",
            ),
            Node(
                func=nodes.tabulate_failures,
                inputs="report_failures",
                outputs="report_table_failures",
                name="tabulate_failures",
            ),
            Node(
                func=nodes.write_leaderboard,
                inputs=[settings, "report_compared", "report_failures"],
                outputs="report_leaderboard",
                name="write_leaderboard",
            ),
        ],
        tags="report",
    )
