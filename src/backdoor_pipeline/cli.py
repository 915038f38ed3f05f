"""`kedro run`, `kedro data` and `kedro sweep`, as users type them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from kedro.framework.cli.project import run as stock_run
from kedro.framework.session import KedroSession

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.data.fetch import available, fetch
from backdoor_pipeline.experiment.command_line import parse_params, plain_errors
from backdoor_pipeline.experiment.resolve import dataset_spec
from backdoor_pipeline.sweep.cli import sweep

REPLACED = ("params", "only_missing_outputs", "pipeline")  # the stock options that ours stand in for
RAW = Path("data/01_raw")


def _collect(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of every `--params`, or of the file that `--config` names."""
    if context.get_parameter_source(str(option.name)) is ParameterSource.DEFAULT_MAP:
        from_file: dict[str, Any] = (context.default_map or {})[str(option.name)]
        return from_file
    with plain_errors():
        return parse_params(texts)


def _run(params: dict[str, Any], pipeline: str | None, force: bool, **stock: Any) -> None:
    from backdoor_pipeline.pipeline_registry import REPORT, STAGES

    assert stock_run.callback is not None
    requested = [*stock.pop("pipelines"), *([pipeline] if pipeline else [])]
    known = [*STAGES, REPORT, "__default__"]
    with plain_errors():
        for name in requested:
            if name not in known:
                raise unknown("pipeline", name, known)
        if REPORT in requested:
            if len(requested) > 1:
                raise UserError("a report is run by itself: kedro run --pipeline=report.")
            params, force = report_params(params), True  # results change where no file name tells
        stock_run.callback(
            **stock, params=params, pipeline=None, pipelines=requested, only_missing_outputs=not force
        )


def report_params(params: dict[str, Any]) -> dict[str, Any]:
    """What `--params` means to a report: its own settings, and which experiments it is about.

    >>> report_params({"dataset": "digits", "report": {"published": "theirs.csv"}})
    {'report': {'published': 'theirs.csv', 'where': {'dataset': 'digits'}}}

    Raises:
        UserError: `report` was given a value of its own.
    """
    filters = {name: value for name, value in params.items() if name != "report"}
    own = params.get("report", {})
    if not isinstance(own, Mapping) or not isinstance(own.get("where", {}), Mapping):
        raise UserError("'report' and 'report.where' must be tables of parameters.")
    return {"report": {**own, "where": {**own.get("where", {}), **filters}}}


run = click.Command(
    "run",
    callback=_run,
    params=[
        click.Option(
            ["--pipeline", "-p"],
            help="Run up to this stage: prepare, poison, train, defend, evaluate, watch or analyze; or the "
            "report.",
        ),
        click.Option(
            ["--params"],
            multiple=True,
            callback=_collect,
            help="The experiment (of a report: which experiments): key:value or key=value, several, "
            "nested by dots, repeatable.",
        ),
        click.Option(["--force"], is_flag=True, help="Recompute stages whose artefacts exist."),
        *[param for param in stock_run.params if param.name not in REPLACED],
    ],
    help="""Run an experiment: every stage up to the pipeline's, except those whose artefacts exist.

    \b
    kedro run
    kedro run --pipeline=defend --params attack:badnets
    kedro run --params dataset=cifar10,model=preactresnet18,poison_ratio=0.05 --params seed=3
    kedro run --pipeline=report --params dataset:cifar10
    """,
)


@click.group(name="backdoor_pipeline")
def cli() -> None:
    """The commands of this project."""


@cli.group()
def data() -> None:
    """The data sets: which are here, and how to get the others."""


@data.command(name="list")
def list_data() -> None:
    """Say which data sets are here, and how to get the others."""
    with plain_errors(), KedroSession.create() as session:
        assert isinstance(session, KedroSession)
        blocks = session.load_context().config_loader["parameters"]["datasets"]
        specs = [dataset_spec(name, block) for name, block in blocks.items()]
        for name, present, where in available(RAW, specs):
            click.echo(f"{'✓' if present else '·'} {name:<16}{where}")


@data.command(name="fetch")
@click.argument("names", nargs=-1, required=True)
def fetch_data(names: tuple[str, ...]) -> None:
    """Download data sets, checksummed, into data/01_raw."""
    with plain_errors():
        for name in names:
            click.echo(f"{name}: {fetch(name, RAW)}")


cli.add_command(run)
cli.add_command(sweep)
