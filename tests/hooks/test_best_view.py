"""The view of MLflow's runs asks for what runs log."""

from helpers.parameters import change

from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.experiment.typed import typed_parameters
from backdoor_pipeline.hooks.best_view import STATE
from backdoor_pipeline.hooks.metric_names import stage_metrics


def test_charts_and_columns_are_of_names_that_runs_log(params) -> None:
    scores = {
        f"{name}_{when}": 0.5
        for name in ("clean_accuracy", "asr", "robust_accuracy")
        for when in ("before", "after")
    }
    logged = {name for name, _ in stage_metrics("evaluate", scores | {"der": 0.5})}
    control = {name for name, _ in stage_metrics("evaluate_control", {"asr_control": 0.5})}
    typed = typed_parameters(resolve(change(params)))
    parallel, *bars = STATE["compareRunCharts"]
    assert {*parallel["selectedParams"]} <= {*typed}
    assert {*parallel["selectedMetrics"], *(bar["metricKey"] for bar in bars)} <= logged
    assert {column[len("metrics.`") : -1] for column in STATE["selectedColumns"]} == logged | control
    (section,) = STATE["compareRunSections"]
    assert {chart["metricSectionId"] for chart in STATE["compareRunCharts"]} == {section["uuid"]}
