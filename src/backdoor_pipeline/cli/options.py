"""The options of `kedro run` seen to before anything runs: what each names must exist."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import click
from click.core import ParameterSource
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner
from kedro.utils import load_obj

from backdoor_pipeline.base.errors import UserError, quoted, unknown

RUNNERS = ("ParallelRunner", "SequentialRunner", "ThreadRunner")


def check_options(context: click.Context, requested: Iterable[str], stock: Mapping[str, Any]) -> None:
    """See that the options mean something.

    Args:
        context: of the command.
        requested: the names of known pipelines; none: the default one.
        stock: the values of Kedro's own options.

    Raises:
        UserError: one is empty, or names what is not there; or they leave nothing to run.
    """
    for option in context.command.params:
        given = context.get_parameter_source(str(option.name)) is not ParameterSource.DEFAULT
        if given and option.name != "params" and context.params[str(option.name)] in ("", [], {}):
            raise UserError(f"{option.opts[0]} is empty: give it a value, or leave it out.")
    _check_runner(stock["runner"], {**stock["runner_params"]}, stock["is_async"])
    _check_selection(_pipeline(requested), stock)


def _pipeline(requested: Iterable[str]) -> Pipeline:
    from backdoor_pipeline.pipeline_registry import register_pipelines

    pipelines, combined = register_pipelines(), Pipeline([])
    for name in requested or ["__default__"]:
        combined += pipelines[name]
    return combined


def _check_runner(name: str | None, arguments: dict[str, Any], is_async: bool) -> None:
    runner = _runner(name or "SequentialRunner")
    if is_async:
        arguments["is_async"] = True
    try:
        inspect.signature(runner).bind(**arguments)
    except TypeError as error:
        raise UserError(f"--runner-params: {runner.__name__} {error}.") from None
    workers, at_once = arguments.get("max_workers", 1), arguments.get("is_async", False)
    if type(workers) is not int or workers < 1:
        raise UserError(f"--runner-params: max_workers is {quoted(workers)}: give a number above 0.")
    if not isinstance(at_once, bool):
        raise UserError(f"--runner-params: is_async is {quoted(at_once)}: give true or false.")


def _runner(name: str) -> type[AbstractRunner]:
    if "." not in name and name not in RUNNERS:
        raise unknown("runner", name, RUNNERS)
    try:
        found = load_obj(name, "kedro.runner")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"--runner: {quoted(name)} cannot be loaded: {error}.") from None
    if not (inspect.isclass(found) and issubclass(found, AbstractRunner)) or inspect.isabstract(found):
        raise UserError(f"--runner: {quoted(name)} is no runner; use one of {', '.join(RUNNERS)}.")
    return found


def _check_selection(pipeline: Pipeline, stock: Mapping[str, Any]) -> None:
    nodes = {node.name for node in pipeline.nodes}
    known = {
        "node_names": ("node", nodes),
        "from_nodes": ("node", nodes),
        "to_nodes": ("node", nodes),
        "from_inputs": ("dataset", pipeline.datasets()),
        "to_outputs": ("dataset", pipeline.all_outputs()),
        "tags": ("tag", {tag for node in pipeline.nodes for tag in node.tags}),
        "namespaces": ("namespace", {node.namespace for node in pipeline.nodes if node.namespace}),
    }
    for option, (kind, names) in known.items():
        for name in stock[option]:
            if name not in names:
                raise unknown(kind, name, names)
    chosen = {name: stock[name] for name in known if name != "namespaces"}
    try:
        pipeline.filter(**chosen, node_namespaces=stock["namespaces"])
    except ValueError:
        raise UserError("no node is left to run: these options exclude one another.") from None
