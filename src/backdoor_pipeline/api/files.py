"""Models and triggers from their files; nothing in a file is ever executed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from backdoor_pipeline.api.checks import FAILURES, brief
from backdoor_pipeline.attacks import files as triggers
from backdoor_pipeline.attacks.trigger import AnyTrigger
from backdoor_pipeline.base.errors import UserError, quoted
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.models import Classifier
from backdoor_pipeline.models import files as models
from backdoor_pipeline.models.factories import admit, admitted
from backdoor_pipeline.models.registry import architecture


def load_model(path: str | Path, factory: str | None = None) -> Classifier:
    """A model that this project wrote, on the CPU and in evaluation mode.

    Args:
        path: `model.safetensors` of an artefact, or its folder in `data/06_models`.
        factory: of a model that was imported: what builds it, `package.module:function`; the file
            alone decides of no code that is called.

    Raises:
        UserError: there is no such file, it is damaged, or its architecture is not known here.
    """
    file = inside(path, "model.safetensors")
    with told(file):
        description = models.description_of(file)
        builder = description.options.get("factory")
        if isinstance(builder, str) and not factory and not admitted(description.name, builder):
            raise UserError(
                f"{file} is built by {builder}: load_model(..., factory='{builder}') if you trust it."
            )
        if factory:
            admit({description.name: {"factory": factory}})
        return models.load_model(file)[0]


def save_model(model: Classifier, path: str | Path, **facts: JsonValue) -> None:
    """Write a model in safetensors, whole or not at all.

    Args:
        model: of a registered architecture; another could not be read again.
        path: the file.
        facts: about it, kept in the file.

    Raises:
        UserError: no registered architecture builds it, or it cannot be written.
    """
    if not isinstance(model, Classifier):
        raise UserError(f"{type(model).__name__} is no Classifier: only a model of this project has a file.")
    architecture(model.description.name)
    try:
        models.save_model(as_path(path), model, facts)
    except TypeError as error:  # of JSON
        raise UserError(f"the facts about a model must be plain values: {brief(error)}.") from error


def load_trigger(path: str | Path) -> AnyTrigger:
    """An attack's trigger: called with uint8 images (N, C, H, W), or with texts, it puts itself on them.

    Args:
        path: `trigger.safetensors` of an artefact, or its folder in `data/02_poisoned`.

    Raises:
        UserError: there is no such file, it is damaged, or its attack is not known here.
    """
    file = inside(path, "trigger.safetensors")
    with told(file):
        try:
            return triggers.load_trigger(file)
        except FAILURES as error:  # another of this project's files, such as a model
            raise CorruptFileError("it holds no trigger") from error


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn what is wrong with a file into a sentence that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{file} does not exist.") from error
    except CorruptFileError as error:
        raise UserError(f"{file} cannot be used: {error}.") from error


def inside(path: str | Path, name: str) -> Path:
    """The file of this name in a folder; a path that is no folder is the file itself."""
    given = as_path(path)
    return given / name if given.is_dir() else given


def as_path(given: Any) -> Path:
    """A path.

    Raises:
        UserError: it is none.
    """
    if not isinstance(given, str | os.PathLike):
        raise UserError(f"{quoted(given)} is no path: give the name of a file or a folder.")
    return Path(given)
