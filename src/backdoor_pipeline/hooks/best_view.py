"""MLflow's page of runs: a table of experiments, the best defended ones first, and charts of their scores."""

import json
from typing import Any

from backdoor_pipeline.hooks.metric_names import SHOWN

KEY = "best"
TAG = f"mlflow.sharedViewState.{KEY}"  # of MLflow's experiment: what its button to share a view leaves
PAGE = f"/#/experiments/{{}}/runs?workflowType=machine_learning&viewStateShareKey={KEY}"
CHARTS = "scores"  # the section of charts above those that MLflow makes of every metric


def _chart(kind: str, number: int, **shown: Any) -> dict[str, Any]:
    place = {"type": kind, "uuid": f"{CHARTS}-{number}", "metricSectionId": CHARTS}
    return {**place, "runsCountToCompare": 100, "deleted": False, "isGenerated": False, **shown}


COMPARED = ("c_acc", "asr", "der")
STATE = {
    "searchFilter": "tags.kind = 'experiment'",
    "orderByKey": "metrics.`der`",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": [f"metrics.`{name}`" for name in SHOWN],
    "runsPinned": [],
    "runsHidden": [],
    "runsExpanded": {},
    "viewMaximized": False,
    "runListHidden": False,
    "useGroupedValuesInCharts": True,
    "runsHiddenMode": "FIRST_10_RUNS",
    "compareRunSections": [
        {"uuid": CHARTS, "name": CHARTS, "display": True, "isReordered": False, "deleted": False}
    ],
    "isAccordionReordered": True,  # or else sections stand in the alphabet's order
    "compareRunCharts": [
        _chart(
            "PARALLEL",
            0,
            selectedParams=["attack", "defense"],
            selectedMetrics=[*COMPARED],
            showAllRuns=True,
        ),
        *(_chart("BAR", number, metricKey=name) for number, name in enumerate(COMPARED, 1)),
    ],
}


def keep_view(client: Any, experiment: Any) -> None:
    """Have the view in this experiment of MLflow.

    Args:
        client: of MLflow.
        experiment: as it describes it.
    """
    state = json.dumps(STATE)
    if experiment.tags.get(TAG) != state:
        client.set_experiment_tag(experiment.experiment_id, TAG, state)
