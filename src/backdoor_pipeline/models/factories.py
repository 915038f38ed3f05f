"""Networks that functions of somebody else's build: only those that the user's parameters name are called.

A model's file says what it is built by, but the parameters have to allow it: a file never chooses the code.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from backdoor_pipeline.base.errors import UserError, quoted
from backdoor_pipeline.models import registry
from backdoor_pipeline.models.classifier import ModelDescription, last_linear
from backdoor_pipeline.models.registry import FactoryOptions

_ADMITTED: dict[str, str] = {}  # model -> its factory


def admit(blocks: Mapping[str, Any]) -> None:
    """Make the models known that have a `factory`.

    Args:
        blocks: the parameters' `models`.

    Raises:
        UserError: one is called as an architecture of this project is.
    """
    for name, block in blocks.items():
        if isinstance(block, Mapping) and isinstance(block.get("factory"), str):
            if name not in _ADMITTED:
                if name in registry.model_names():
                    raise UserError(
                        f"model '{name}' is one of this project: call one with a factory otherwise."
                    )
                registry.register(name, FactoryOptions, _input_size)(_build)
            _ADMITTED[name] = block["factory"]


def admitted(name: str, factory: str) -> bool:
    """Whether the parameters, or a caller, have said that this model is built by this function."""
    return _ADMITTED.get(name) == factory


def call(factory: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The network that a function builds.

    Args:
        factory: `package.module:function`; modules in the working directory are found too.
        arguments: its keywords.

    Raises:
        UserError: there is no such function, it fails, or builds no network with a linear layer.
    """
    function = find(factory)
    try:
        network = function(**arguments)
    except Exception as error:
        raise UserError(f"{factory} failed: {type(error).__name__}: {error}.") from error
    if not isinstance(network, nn.Module) or last_linear(network) is None:
        raise UserError(f"{factory} builds {quoted(type(network).__name__)}, no network with a linear layer.")
    return network


def find(factory: str) -> Callable[..., Any]:
    """The function of this name.

    Raises:
        UserError: there is none.
    """
    module, _, path = factory.partition(":")
    try:
        with _working_directory():
            found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"there is no {factory}: give package.module:function ({error}).") from error
    if not callable(found):
        raise UserError(f"{factory} is no function.")
    return found  # type: ignore[no-any-return]


def takes(function: Callable[..., Any], keyword: str) -> bool:
    """Whether a function has a keyword of this name, or takes any."""
    try:
        known = inspect.signature(function).parameters
    except ValueError:  # of what is not written in Python
        return False
    return keyword in known or any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values())


def _build(description: ModelDescription) -> nn.Module:
    factory, arguments = description.options["factory"], description.options["arguments"]
    assert isinstance(factory, str)
    assert isinstance(arguments, dict)
    if factory != _ADMITTED[description.name]:
        raise UserError(
            f"model '{description.name}' is built by {factory}, but the parameters say "
            f"{_ADMITTED[description.name]}: import it again."
        )
    if ":" in factory:
        return call(factory, arguments)
    return registry.architecture(factory).build(_inner(description))


def _input_size(description: ModelDescription) -> int:
    factory = description.options["factory"]
    assert isinstance(factory, str)
    if ":" in factory:
        return description.image_size
    return registry.architecture(factory).input_size(_inner(description))


def _inner(description: ModelDescription) -> ModelDescription:
    """Of the architecture of this project that a factory names."""
    changes = {"name": description.options["factory"], "options": description.options["arguments"]}
    return description.model_copy(update=changes)


@contextmanager
def _working_directory() -> Iterator[None]:
    """Modules are looked for here, too."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
