"""YAML that a person wrote: plain values, every key once, and no more of it than a person writes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from backdoor_pipeline.base.errors import UserError, quoted
from backdoor_pipeline.experiment.validation import check_values

MAX_VALUES = 20_000  # with anchors laid out: the whole of conf/base has 2,000
MAX_DEPTH = 50
_TAG = "tag:yaml.org,2002:"
_PLAIN = {f"{_TAG}{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):
    """As Kedro reads its files: a date is text, and 1e-3 a number."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{_TAG}timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    f"{_TAG}float", re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_yaml_file(path: Path) -> Any:
    """The content of a file.

    Raises:
        UserError: it is no text, no YAML, or too much of it; the message names the file and the line.
    """
    return read_yaml(path.read_bytes(), str(path))


def read_yaml(content: bytes, where: str) -> Any:
    """The content of a file that has been read.

    Args:
        content: the file's bytes.
        where: its path, for the message.

    Raises:
        UserError: see `read_yaml_file`.
    """
    try:
        return load(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise UserError(f"{where} is not a text file in UTF-8.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{where} is not YAML: {_reason(error)}.") from None
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def load(text: str, name: str = "") -> Any:
    """The value of a text.

    Args:
        text: YAML.
        name: the dotted path of the value, for the message.

    Raises:
        yaml.YAMLError: it is not YAML.
        UserError: a key is there twice or no text, a value is none that parameters can have, or it is too
            large or too deep, also where anchors only make it so.
    """
    check_values(text, name)
    _see_that_it_is_small(text)  # before anything recurses into it
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _size(root, {})
        value = loader.construct_document(root)
    except ValueError as error:  # such as a number with too many digits, or none
        raise UserError(f"it holds a number that cannot be read ({error}).") from None
    finally:
        loader.dispose()
    check_values(value, name)
    return value


def _see_that_it_is_small(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _at(event, f"it is nested more than {MAX_DEPTH} deep.")
        if count > 4 * MAX_VALUES:  # a value, its name, where it begins and ends
            raise _at(event, f"it holds more than {MAX_VALUES:,} values.")


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node comes to, each one looked at once however often an alias repeats it.

    Args:
        node: it is checked on the way.
        known: the sizes of the nodes seen so far; 0 while one is being looked at.
    """
    if id(node) not in known:
        if node.tag not in _PLAIN:
            raise _at(node, f"the tag {quoted(node.tag)} is not allowed: give plain values.")
        known[id(node)] = 0
        known[id(node)] = 1 + sum(_size(child, known) for child in _children(node))
    size = known[id(node)]
    if size == 0:
        raise _at(node, "an anchor holds itself.")
    if size > MAX_VALUES:
        raise _at(node, f"it comes to more than {MAX_VALUES:,} values.")
    return size


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        yield from (value for _, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == f"{_TAG}merge":
            continue
        if key.tag != f"{_TAG}str":
            shown = quoted(key.value) if isinstance(key, yaml.ScalarNode) else "a key"
            raise _at(key, f"{shown} is no name: put it in quotes.")
        if key.value in seen:
            raise _at(key, f"{quoted(key.value)} is there twice: keep one.")
        seen.add(key.value)


def _at(node: "yaml.Node | yaml.Event", what: str) -> UserError:
    line = node.start_mark.line + 1 if node.start_mark else 1
    return UserError(f"line {line}: {what}")


def _reason(error: yaml.YAMLError) -> str:
    """What a parser objects to, on one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}, {error.problem}"
    return " ".join(str(error).split()).rstrip(".")
