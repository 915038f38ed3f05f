"""Names and values that nobody expects stop no figure, table or page."""

import json

import pandas as pd
from helpers.results import results, row

from backdoor_pipeline.catalog.results import FAILURE
from backdoor_pipeline.experiment.result import Result, checked
from backdoor_pipeline.experiment.specs import Aliases, Reporting
from backdoor_pipeline.pipelines.report import nodes

REPORT = Reporting(
    where={}, sensitivity=None, published=None, aliases=Aliases(dataset={}, model={}, attack={}, defense={})
)
NAMES = ("$_$", "$x^$", "a&b_{%", "<script>", "\\frac", " ", "é", "none ")


def test_a_report_of_odd_names() -> None:
    rows = [
        row(dataset=name, attack=attack, seed=seed, **{"training.recipe.lr": lr, "engine.precision": name})
        for name in NAMES
        for attack in (name, "none")
        for seed, lr in ((0, 1e-6), (1, name), (2, 2**62))
    ]
    cells, settings, failures, _ = nodes.collect(
        results(*(checked(Result, one) for one in rows)), pd.DataFrame(columns=FAILURE), REPORT
    )
    compared, figure, _ = nodes.lay_beside_published(settings, REPORT)
    page = nodes.write_leaderboard(settings, compared, failures)
    assert page.count("<script>") == 1, "its own"
    nodes.tabulate_results(settings)
    nodes.tabulate_benchmark(settings)
    draws = (nodes.draw_overview, nodes.draw_heat_map, nodes.draw_ratio_effect, nodes.draw_dataset_effect)
    figures = [figure, nodes.sweep_parameters(cells, REPORT)[0], *(draw(settings) for draw in draws)]
    for one in figures:
        json.dumps(one.plotly, allow_nan=False)
