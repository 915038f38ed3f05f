"""`kedro data`: which data sets are here, and how to get the others."""

from pathlib import Path

import click
import yaml
from kedro.framework.session import KedroSession

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.names import check_name
from backdoor_pipeline.cli.session import raw_data
from backdoor_pipeline.data.fetch import available, fetch
from backdoor_pipeline.data.sources.listing import some
from backdoor_pipeline.experiment.command_line import ProjectCommand
from backdoor_pipeline.experiment.resolve import dataset_spec


@click.group()
def data() -> None:
    """The data sets: which are here, and how to get the others."""


@data.command(name="list", cls=ProjectCommand)
def list_data() -> None:
    """Say which data sets are here, and how to get the others."""
    with KedroSession.create() as session:
        assert isinstance(session, KedroSession)
        blocks = session.load_context().config_loader["parameters"]["datasets"]
        specs, faults = [], {}
        for name, block in blocks.items():
            try:
                specs.append(dataset_spec(name, block))
            except UserError as error:  # one block that is not finished hides no other
                faults[name] = str(error)
    for name, present, where in available(raw_data(), specs):
        click.echo(f"{'✓' if present else '·'} {name:<16}{where}")
    for name, fault in faults.items():
        click.echo(f"! {name:<16}{fault}")


@data.command(name="describe", cls=ProjectCommand)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
@click.option("--name", help="What to call it. Default: the folder's name.")
def describe_data(folder: Path, name: str | None) -> None:
    """Print a file for conf/local/parameters/ that describes a data set of your own.

    FOLDER has train/<class>/<picture> and test/<class>/<picture>, or Parquet files whose names begin with
    train and test.
    """
    from backdoor_pipeline.data.describe import describe

    name = name or folder.name
    check_name("a data set", name)
    found = describe(folder, name, raw_data())
    sizes = [f"{width} x {height}" for width, height in sorted(found.sizes)]
    size = f"all {sizes[0]}" if len(sizes) == 1 else f"from {sizes[0]} to {sizes[-1]}"
    click.echo(f"# {found.counts['train']:,} + {found.counts['test']:,} pictures, {size}")
    click.echo(f"# classes, from label 0: {some(found.classes)}")
    click.echo("# Set horizontal_flip to true if a picture's mirror image shows the same.")
    block = {"datasets": {name: found.block}}
    click.echo(yaml.safe_dump(block, sort_keys=False, default_flow_style=None, allow_unicode=True), nl=False)


@data.command(name="fetch", cls=ProjectCommand)
@click.argument("names", nargs=-1, required=True)
def fetch_data(names: tuple[str, ...]) -> None:
    """Download data sets, checksummed, into the catalog's folder of raw data, such as data/01_raw."""
    raw = raw_data()
    for name in names:
        click.echo(f"{name}: {fetch(name, raw)}")
