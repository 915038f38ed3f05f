"""What is logged in notebooks and in folders of the project: as much as its `conf/logging.yml` says."""

import os
from pathlib import Path

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import configure_logging, settings

from backdoor_pipeline.experiment.yaml_text import read_yaml_file

FILE = "logging.yml"


class QuietHooks:
    """Kedro looks for that file in the working directory only, and else tells of every file that it reads."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Have the project's file count, unless Kedro found one or was told of one."""
        found = (Path(settings.CONF_SOURCE) / FILE).exists() or "KEDRO_LOGGING_CONFIG" in os.environ
        ours = context.project_path / settings.CONF_SOURCE / FILE
        if not found and ours.exists() and isinstance(content := read_yaml_file(ours), dict):
            configure_logging(content)
