"""What is logged in notebooks and in folders of the project: as much as its `conf/logging.yml` says."""

import os

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.framework.project import LOGGING, configure_logging, settings

from backdoor_pipeline.experiment.yaml_text import read_yaml_file

FILE = "logging.yml"


class QuietHooks:
    """Kedro looks for that file in the working directory only, and else tells of every file that it reads."""

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Have the project's file count, unless Kedro took it or was told of one.

        Where it looked is not where it stands now: `kedro run` goes to the project's root meanwhile.
        """
        ours = context.project_path / settings.CONF_SOURCE / FILE
        if "KEDRO_LOGGING_CONFIG" in os.environ or not ours.exists():
            return
        if isinstance(content := read_yaml_file(ours), dict) and content != LOGGING.data:
            configure_logging(content)
