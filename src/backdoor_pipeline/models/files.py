"""A model in one safetensors file: its weights, and in the header what it is and the facts about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.seals import ANYONES, Seal
from backdoor_pipeline.base.tensorfile import load_facts, load_tensors, save_tensors
from backdoor_pipeline.models.build import initialize
from backdoor_pipeline.models.classifier import Classifier
from backdoor_pipeline.models.text_classifier import AnyDescription

DESCRIPTION: TypeAdapter[AnyDescription] = TypeAdapter(AnyDescription)

KIND = "model, format 1"  # count up when a saved state no longer means the same network


def save_model(path: Path, model: Classifier, facts: Mapping[str, JsonValue], seal: Seal = ANYONES) -> None:
    """Write a model, with any JSON facts about it; equal models, facts and seals give equal bytes."""
    description = model.description.model_dump(mode="json")
    meta: dict[str, JsonValue] = {"kind": KIND, "description": description, "facts": dict(facts)}
    save_tensors(path, model.state_dict(), meta, seal)


def load_model(path: Path, seal: Seal = ANYONES) -> tuple[Classifier, dict[str, Any]]:
    """The model, on the CPU and in evaluation mode, and the facts saved with it.

    Raises:
        FileNotFoundError: there is no such file.
        CorruptFileError: it is truncated, changed, or of another kind or format.
        UserError: the architecture is not known here, or the file cannot be read.
    """
    tensors, meta = load_tensors(path, seal)
    description, facts = _described(meta)
    try:
        model = initialize(description, seed=0)  # weights that are replaced at once
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, KeyError) as error:
        raise CorruptFileError(f"it does not hold a whole {description.name}: {error}") from error
    return model.eval(), facts


def check_model(path: Path, seal: Seal = ANYONES) -> None:
    """Raise as `load_model` does if the file is not a model as it was written; builds nothing."""
    description_of(path, seal)


def description_of(path: Path, seal: Seal = ANYONES) -> AnyDescription:
    """What the model in a file is; raises as `load_model` does."""
    return _described(load_facts(path, seal))[0]


def _described(meta: Mapping[str, Any]) -> tuple[AnyDescription, dict[str, Any]]:
    if meta.get("kind") != KIND:
        raise CorruptFileError(f"it holds '{meta.get('kind')}' where a '{KIND}' is expected")
    try:
        return DESCRIPTION.validate_python(meta["description"]), meta["facts"]
    except (ValidationError, KeyError) as error:
        raise CorruptFileError(f"it does not describe its model: {error}") from error
