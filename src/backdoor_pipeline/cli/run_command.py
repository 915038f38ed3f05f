"""`kedro run`: Kedro's own, with `--params`, `--force` and reuse of this project's."""

from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource
from kedro.framework.cli.project import run as stock_run

from backdoor_pipeline.base.errors import UserError, unknown
from backdoor_pipeline.cli.config_file import read_options
from backdoor_pipeline.cli.options import check_options
from backdoor_pipeline.experiment.command_line import ProjectCommand, parse_params

# the stock options that ours stand in for; nothing here has versions to load
REPLACED = ("params", "runner_params", "config", "only_missing_outputs", "pipeline", "load_versions")


def _collect(context: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of every `--params` (or `--runner-params`), or of the file that `--config` names."""
    name = str(option.name)
    if context.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
        from_file = (context.default_map or {})[name]
        if isinstance(from_file, Mapping):
            return dict(from_file)
    return parse_params(texts, option.opts[0])


def _run(params: dict[str, Any], pipeline: str | None, force: bool, **stock: Any) -> None:
    from backdoor_pipeline.pipeline_registry import REPORT, STAGES

    assert stock_run.callback is not None
    requested = [*stock.pop("pipelines"), *([] if pipeline is None else [pipeline])]
    known = [*STAGES, REPORT, "__default__"]
    for name in requested:
        if name not in known:
            raise unknown("pipeline", name, known)
    if REPORT in requested:
        if len(requested) > 1:
            raise UserError("a report is run by itself: kedro run --pipeline=report.")
        params, force = report_params(params), True  # results change where no file name tells
    check_options(click.get_current_context(), requested, stock)
    stock_run.callback(
        **stock,
        params=params,
        pipeline=None,
        pipelines=requested,
        only_missing_outputs=not force,
        load_versions=None,
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


run = ProjectCommand(
    "run",
    callback=_run,
    params=[
        click.Option(
            ["--pipeline", "-p"],
            help="Run up to this stage: prepare, poison, train, defend, evaluate, watch or analyze; or "
            "train_control, evaluate_control; or the report.",
        ),
        click.Option(
            ["--params"],
            multiple=True,
            callback=_collect,
            help="The experiment (of a report: which experiments): key:value or key=value, several, "
            "nested by dots, repeatable.",
        ),
        click.Option(["--force"], is_flag=True, help="Recompute stages whose artefacts exist."),
        click.Option(
            ["--config", "-c"],
            type=click.Path(exists=True, dir_okay=False, resolve_path=True),
            callback=read_options,
            help="A YAML file that gives these options, below `run:`; the command line goes before it.",
        ),
        click.Option(
            ["--runner-params"],
            multiple=True,
            callback=_collect,
            help="Arguments of the runner, such as max_workers=4.",
        ),
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
