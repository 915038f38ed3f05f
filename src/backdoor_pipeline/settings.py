"""Kedro's settings of this project."""

from pathlib import Path

from kedro.utils import find_kedro_project

from backdoor_pipeline.config import ExperimentConfigLoader
from backdoor_pipeline.experiment.conf import conf_folder
from backdoor_pipeline.hooks.checks import CheckHooks
from backdoor_pipeline.hooks.data import DataHooks, RecordHooks
from backdoor_pipeline.hooks.leftovers import LeftoverHooks
from backdoor_pipeline.hooks.outcome import OutcomeHooks
from backdoor_pipeline.hooks.progress import ProgressHooks
from backdoor_pipeline.hooks.quiet import QuietHooks
from backdoor_pipeline.hooks.summary import SummaryHooks
from backdoor_pipeline.hooks.tracking import TrackingHooks

_outcome = OutcomeHooks()
_tracking = TrackingHooks(_outcome)
HOOKS = (  # of two that try to be first, the later one is: checks come before what writes
    DataHooks(),
    CheckHooks(),
    QuietHooks(),
    RecordHooks(),
    LeftoverHooks(),
    ProgressHooks(),
    _outcome,
    _tracking,
    SummaryHooks(_tracking, _outcome),
)

if not find_kedro_project(Path.cwd()):  # the package alone
    CONF_SOURCE = str(conf_folder())
CONFIG_LOADER_CLASS = ExperimentConfigLoader
CONFIG_LOADER_ARGS = {
    "config_patterns": {"mlflow": ["mlflow*"]},
    "base_env": "base",
    "default_run_env": "local",
    # a nested parameter of `--params` or of an environment keeps its siblings
    "merge_strategy": {"parameters": "soft"},
}
