"""`kedro data`: which data sets are here, and how to get the others."""

from pathlib import Path

import click
from kedro.framework.session import KedroSession

from backdoor_pipeline.data.fetch import available, fetch
from backdoor_pipeline.experiment.command_line import ProjectCommand
from backdoor_pipeline.experiment.resolve import dataset_spec

RAW = Path("data/01_raw")


@click.group()
def data() -> None:
    """The data sets: which are here, and how to get the others."""


@data.command(name="list", cls=ProjectCommand)
def list_data() -> None:
    """Say which data sets are here, and how to get the others."""
    with KedroSession.create() as session:
        assert isinstance(session, KedroSession)
        blocks = session.load_context().config_loader["parameters"]["datasets"]
        specs = [dataset_spec(name, block) for name, block in blocks.items()]
        for name, present, where in available(RAW, specs):
            click.echo(f"{'✓' if present else '·'} {name:<16}{where}")


@data.command(name="fetch", cls=ProjectCommand)
@click.argument("names", nargs=-1, required=True)
def fetch_data(names: tuple[str, ...]) -> None:
    """Download data sets, checksummed, into data/01_raw."""
    for name in names:
        click.echo(f"{name}: {fetch(name, RAW)}")
