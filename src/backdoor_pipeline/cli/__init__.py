"""`kedro run`, `kedro data`, `kedro import`, `kedro scan` and `kedro sweep`, as users type them."""

import click

from backdoor_pipeline.cli.data_command import data
from backdoor_pipeline.cli.import_command import import_
from backdoor_pipeline.cli.run_command import run
from backdoor_pipeline.cli.scan_command import scan
from backdoor_pipeline.experiment.command_line import tell_plainly
from backdoor_pipeline.sweep.cli import sweep

__all__ = ["cli", "run"]


@click.group(name="backdoor_pipeline")
def cli() -> None:
    """The commands of this project."""


tell_plainly()
cli.add_command(run)
cli.add_command(data)
cli.add_command(import_)
cli.add_command(scan)
cli.add_command(sweep)
