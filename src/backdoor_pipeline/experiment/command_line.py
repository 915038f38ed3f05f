"""How all commands behave: where they run, how errors end, what `--params` takes."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import click
import yaml
from kedro.framework.cli.utils import KedroCliError
from kedro.io import DatasetError
from kedro.utils import find_kedro_project

from backdoor_pipeline.base.errors import UserError, quoted, user_error
from backdoor_pipeline.base.nesting import put
from backdoor_pipeline.experiment.yaml_text import load

OPEN, CLOSE = "[{(", ")}]"


class ProjectCommand(click.Command):
    """A command that runs in the project's root, wherever below it is typed; its errors are sentences."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """See click; options are read where the command is typed."""
        with plain_errors():
            return super().make_context(*args, **kwargs)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click; of a list that a blank after a comma has cut in two, that is said."""
        cut = next((word for word in args if word.endswith(",")), None)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            told = error.format_message()
            if cut is None or "unexpected extra argument" not in told:
                raise
            hint = f"leave out the blank after {quoted(cut)}, or put it all in quotes."
            raise click.UsageError(f"{told}: {hint}", error.ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        with plain_errors(), chdir(find_kedro_project(Path.cwd()) or Path.cwd()):
            return super().invoke(ctx)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a user can mend, however deep Kedro wrapped it, into a sentence and exit code 1.

    Everything else is a fault of the program and goes on as it is.
    """
    try:
        yield
    except Exception as error:
        if told := _sentence(error):
            raise click.ClickException(told) from None
        raise


def tell_plainly() -> None:
    """Let what a user can mend end in a sentence in Kedro's own commands, too, such as `kedro catalog`."""
    show = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if told := _sentence(error):
            click.echo(f"Error: {told}", err=True)
        else:
            show(kind, error, trace)

    sys.excepthook = tell


def _sentence(error: BaseException) -> str | None:
    """What to tell the user about an error; None: it is a fault of the program."""
    cause: BaseException | None = user_error(error)
    if isinstance(error, DatasetError) and not str(error).startswith("Failed while"):
        cause = (
            cause or error
        )  # a catalog's file asks for what cannot be; failing to load or save is another matter
    if isinstance(error, KedroCliError):
        cause = cause or error
    return " ".join(str(cause).split()) if cause else None


def parse_params(texts: Iterable[str], option: str = "--params") -> dict[str, Any]:
    """Nested parameters from `key:value` or `key=value`, several, nested, repeated; the last one counts.

    Args:
        texts: what the command line has.
        option: where it has it, for messages.

    >>> parse_params(["attack:badnets,poison_ratio=0.05", "training.milestones=[50,75]"])
    {'attack': 'badnets', 'poison_ratio': 0.05, 'training': {'milestones': [50, 75]}}

    Raises:
        UserError: an item without a key or a separator, or whose value is none that a parameter can have.
    """
    params: dict[str, Any] = {}
    for text in texts:
        for item in _split(text):
            try:
                put(params, *_parse_item(item))
            except UserError as error:
                raise UserError(f"{option}: {error}") from None
    return params


def _split(text: str) -> list[str]:
    """Items between the commas that are outside brackets and quotes."""
    items, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        depth += (character in OPEN) - (character in CLOSE)
        if character == "," and depth == 0 and not quote:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items if item.strip()]


def _parse_item(item: str) -> tuple[str, Any]:
    ends = [position for position in (item.find(":"), item.find("=")) if position > 0]
    if not ends:
        raise UserError(f"{quoted(item)} is not of the form key:value or key=value.")
    key, text = item[: min(ends)].strip(), item[min(ends) + 1 :].strip()
    if not all(key.split(".")):
        raise UserError(f"{quoted(item)} has an empty part in its key.")
    try:
        return key, load(text, key)
    except yaml.YAMLError:
        return key, text
    except UserError as error:
        raise UserError(f"{quoted(item)}: {error}") from None
