"""MLflow's page of runs as a table of experiments and their scores, the best defended ones first."""

import json
from typing import Any

from backdoor_pipeline.hooks.metric_names import SHOWN

KEY = "best"
TAG = f"mlflow.sharedViewState.{KEY}"  # of MLflow's experiment: what its button to share a view leaves
PAGE = f"/#/experiments/{{}}/runs?workflowType=machine_learning&viewStateShareKey={KEY}"
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
