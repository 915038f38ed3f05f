"""The file of `kedro run --config`, which gives options as the command line does."""

from pathlib import Path

import click

from backdoor_pipeline.base.errors import UserError, quoted, unknown
from backdoor_pipeline.experiment.yaml_text import read_yaml_file

NESTED = ("params", "runner_params")


def read_options(context: click.Context, option: click.Parameter, file: str | None) -> str | None:
    """Make what stands below `run:` in the file the defaults of this command's options.

    Raises:
        UserError: it is no such file, or has options that are none or cannot have that value.
    """
    if file is None:
        return None
    content = read_yaml_file(Path(file))
    section = content.get("run") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise UserError(f"{file} gives no options: it needs `run:` with an `option: value` line for each.")
    known = {str(one.name): one for one in context.command.params if one is not option}
    for name, value in section.items():
        if name not in known:
            raise UserError(f"{file}: {unknown('option', name, known)}")
        _check(name, value, isinstance(known[name].type, click.types.BoolParamType), file)
    # what may be repeated on the command line is a list of texts
    options = {
        name: [value] if name in NESTED and isinstance(value, str) else value
        for name, value in section.items()
    }
    context.default_map = {**(context.default_map or {}), **options}
    return file


def _check(name: str, value: object, flag: bool, file: str) -> None:
    """See that a value can be an option's: true or false, a text, or parameters as a table or a text."""
    fits = (bool,) if flag else (str, dict) if name in NESTED else (str,)
    if not isinstance(value, fits):
        wanted = "true or false" if flag else "a text or a table" if name in NESTED else "a text"
        raise UserError(f"{file}: {name} is {quoted(value)}, but must be {wanted}.")
