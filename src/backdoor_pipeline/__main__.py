"""`python -m backdoor_pipeline run`: the commands in any folder, with the packaged configuration."""

import os

from backdoor_pipeline.experiment.conf import conf_folder


def main() -> None:
    """Run a command as `kedro` does inside the project."""
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(conf_folder() / "logging.yml"))
    from kedro.framework.project import configure_project  # reads the variable when it is imported

    configure_project("backdoor_pipeline")
    from backdoor_pipeline.cli import cli

    cli(prog_name="python -m backdoor_pipeline")


if __name__ == "__main__":
    main()
