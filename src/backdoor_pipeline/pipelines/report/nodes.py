"""From the table of results to figures and tables; no model is touched."""

from typing import Any

import pandas as pd

from backdoor_pipeline.analysis.figure import Figure
from backdoor_pipeline.base.nesting import flatten
from backdoor_pipeline.base.timing import Stopwatch
from backdoor_pipeline.experiment.specs import Reporting
from backdoor_pipeline.reporting import effect, tables
from backdoor_pipeline.reporting.cells import to_cells
from backdoor_pipeline.reporting.filters import matching
from backdoor_pipeline.reporting.heat_map import heat_map
from backdoor_pipeline.reporting.leaderboard import leaderboard
from backdoor_pipeline.reporting.overview import overview
from backdoor_pipeline.reporting.published import compare, published_figure, read_published
from backdoor_pipeline.reporting.ratio import ratio_effect
from backdoor_pipeline.reporting.sensitivity import sensitivity
from backdoor_pipeline.reporting.strengths import strength_matrix
from backdoor_pipeline.reporting.summary import summarize
from backdoor_pipeline.reporting.table import Table
from backdoor_pipeline.reporting.variants import with_variants


def collect(
    results: pd.DataFrame, failures: pd.DataFrame, report: Reporting
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """The experiments asked for; these over their seeds; failed tasks still without a result; counts.

    Raises:
        UserError: no result has what was asked for.
    """
    with Stopwatch() as clock:
        cells = matching(to_cells(results), flatten(report.where))
        settings = summarize(with_variants(cells))
        open_failures = _without_result(failures, results)
    counts = {
        "experiments": cells["artifact.evaluate"].nunique(),
        "settings": len(settings),
        "failed": len(open_failures),
        "seconds": clock.seconds,
    }
    return cells, settings, open_failures, counts


def _without_result(failures: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Failures whose task, such as `train/digits/...`, has no artifact among the results by now."""
    made = {
        f"{column.removeprefix('artifact.')}/{name}"
        for column in results.columns
        if column.startswith("artifact.")
        for name in results[column].dropna().unique()
    }
    return failures[~failures["task"].isin(made)].reset_index(drop=True)


def lay_beside_published(settings: pd.DataFrame, report: Reporting) -> tuple[pd.DataFrame, Figure, Table]:
    """The settings that were published too, as a frame, a figure and a table.

    Raises:
        UserError: the file of published results cannot be used.
    """
    published = read_published(report.published, report.aliases.model_dump()) if report.published else None
    compared = compare(settings, published)
    figure = published_figure(compared, given=published is not None)
    return compared, figure, tables.published_table(compared)


def sweep_parameters(cells: pd.DataFrame, report: Reporting) -> tuple[Figure, Table]:
    """What one hyper-parameter does, all else equal.

    Raises:
        UserError: no results differ in the parameter that was asked for.
    """
    figure = sensitivity(cells, report.sensitivity)
    return figure, tables.sensitivity_table(figure.table)


def draw_strengths(cells: pd.DataFrame, strengths: pd.DataFrame) -> Figure:
    """ASR over the trigger's strength in training and at test."""
    return strength_matrix(cells, strengths)


def draw_dataset_effect(settings: pd.DataFrame) -> Figure:
    """ASR on different data sets."""
    return effect.effect(settings, effect.DATASET)


def draw_model_effect(settings: pd.DataFrame) -> Figure:
    """ASR of different architectures."""
    return effect.effect(settings, effect.MODEL)


draw_overview, draw_heat_map, draw_ratio_effect = overview, heat_map, ratio_effect
tabulate_results, tabulate_benchmark = tables.results_table, tables.benchmark_table
tabulate_failures = tables.failures_table
write_leaderboard = leaderboard
