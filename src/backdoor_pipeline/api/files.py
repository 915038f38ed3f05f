"""Models and triggers from their files; nothing in a file is ever executed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue

from backdoor_pipeline.attacks import files as triggers
from backdoor_pipeline.attacks.trigger import AnyTrigger
from backdoor_pipeline.base.errors import UserError
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
    architecture(model.description.name)
    models.save_model(Path(path), model, facts)


def load_trigger(path: str | Path) -> AnyTrigger:
    """An attack's trigger: called with uint8 images (N, C, H, W), or with texts, it puts itself on them.

    Args:
        path: `trigger.safetensors` of an artefact, or its folder in `data/02_poisoned`.

    Raises:
        UserError: there is no such file, it is damaged, or its attack is not known here.
    """
    file = inside(path, "trigger.safetensors")
    with told(file):
        return triggers.load_trigger(file)


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
    return Path(path, name) if Path(path).is_dir() else Path(path)
