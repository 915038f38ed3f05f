"""A model in one safetensors file: its weights, and in the header what it is and the facts about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError
from torch import Tensor

from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.tensorfile import load_tensors, save_tensors
from backdoor_pipeline.models.build import initialize
from backdoor_pipeline.models.classifier import Classifier, ModelDescription

KIND = "model, format 1"  # count up when a saved state no longer means the same network


def save_model(path: Path, model: Classifier, facts: Mapping[str, JsonValue]) -> None:
    """Write a model, with any JSON facts about it; equal models and facts give equal bytes."""
    description = model.description.model_dump(mode="json")
    meta: dict[str, JsonValue] = {"kind": KIND, "description": description, "facts": dict(facts)}
    save_tensors(path, model.state_dict(), meta)


def load_model(path: Path) -> tuple[Classifier, dict[str, Any]]:
    """The model, on the CPU and in evaluation mode, and the facts saved with it.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is truncated, changed, or of another kind or format.
        UserError: the architecture is not known here.
    """
    tensors, description, facts = _read(path)
    try:
        model = initialize(description, seed=0)  # weights that are replaced at once
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, KeyError) as error:
        raise CorruptFileError(f"{path} does not hold a whole {description.name}: {error}") from error
    return model.eval(), facts


def check_model(path: Path) -> None:
    """Raise as `load_model` does if the file is not a model as it was written; builds nothing."""
    _read(path)


def _read(path: Path) -> tuple[dict[str, Tensor], ModelDescription, dict[str, Any]]:
    tensors, meta = load_tensors(path)
    if meta.get("kind") != KIND:
        raise CorruptFileError(f"{path} holds '{meta.get('kind')}' where a '{KIND}' is expected")
    try:
        return tensors, ModelDescription.model_validate(meta["description"]), meta["facts"]
    except (ValidationError, KeyError) as error:
        raise CorruptFileError(f"{path} does not describe its model: {error}") from error
