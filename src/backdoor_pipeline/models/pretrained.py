"""Starting from the weights in a safetensors file: torchvision's, or a model saved by this project."""

import logging
from pathlib import Path

import torch
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.files import CorruptFileError
from backdoor_pipeline.base.tensorfile import read_foreign
from backdoor_pipeline.models.classifier import ImageClassifier
from backdoor_pipeline.models.registry import ModelOptions
from backdoor_pipeline.models.text_classifier import TextClassifier
from backdoor_pipeline.models.text_models import published_weights, tokenizer_of

logger = logging.getLogger(__name__)


def load_published(model: TextClassifier, options: ModelOptions) -> None:
    """Give a model of texts its tokenizer, and its encoder the weights in the folder, if there is one.

    Raises:
        UserError: they are not there, or are not those of its `config.json`.
    """
    name = model.description.name
    written = bytearray(tokenizer_of(name, options))
    model.tokenizer_json.copy_(torch.frombuffer(written, dtype=torch.uint8))
    if options.pretrained is not None:
        model.backbone.load_state_dict(encoder_weights(model, options.pretrained))


def encoder_weights(model: TextClassifier, folder: Path) -> dict[str, Tensor]:
    """The encoder's weights in the folder of a published model, under the names of ours.

    Args:
        model: whose shapes they must have; on the meta device it does as well.
        folder: holds `model.safetensors`.

    Raises:
        UserError: they are not there, or do not fit.
    """
    name = model.description.name
    found, wanted = published_weights(name, folder), model.backbone.state_dict()
    for one in sorted(found.keys() ^ wanted.keys()):
        raise UserError(f"models.{name}.pretrained: only one of the two, file and model, has '{one}'.")
    for one, value in wanted.items():
        objection = _why_no_weights(found[one], value)
        if value.shape != found[one].shape:
            objection = f"is {tuple(found[one].shape)} there and {tuple(value.shape)} here"
        if objection:
            raise UserError(f"models.{name}.pretrained: {folder} does not fit: '{one}' {objection}")
    return found


def load_pretrained(model: ImageClassifier, path: Path) -> None:
    """Copy weights from a safetensors file into `model`, in place.

    The names are torchvision's own, or those of a model that this project saved. The model's normalization
    stays as it is, and a final layer for another number of classes is skipped. A `.pth` file is a pickle,
    which runs code when it is read (P5), so it is refused: the error says how to convert it.

    Raises:
        UserError: see `fitting_weights`.
    """
    found = fitting_weights(model, path)
    if not any(name.startswith("head.") for name in found):
        logger.info(
            "%s: its final layer is for other classes, so the model's starts from random weights.", path
        )
    model.load_state_dict(found, strict=False)


def fitting_weights(model: ImageClassifier, path: Path) -> dict[str, Tensor]:
    """The weights of a file under the model's names, without a final layer for other classes.

    Args:
        model: whose shapes they must have; on the meta device it does as well.
        path: a safetensors file.

    Raises:
        UserError: the file is missing, not safetensors, its weights do not fit the model or are no numbers.
    """
    found = _names_as_here(model, _read(model.description.name, path))
    wanted = {name: value for name, value in model.state_dict().items() if name not in ("mean", "std")}
    if found.keys() != wanted.keys():
        example = min(found.keys() ^ wanted.keys()).removeprefix("backbone.")
        raise _unfit(
            model, path, f"only one of the two has '{example}'. Give a file of the same architecture."
        )
    for name, value in wanted.items():
        if objection := _why_no_weights(found[name], value):
            raise _unfit(model, path, f"'{name.removeprefix('backbone.')}' {objection}")
        if value.shape != found[name].shape and not name.startswith("head."):
            raise _unfit(model, path, _why_other_shape(model, name, found[name], value))
    head = {name for name in wanted if name.startswith("head.")}
    if any(wanted[name].shape != found[name].shape for name in head):
        return {name: value for name, value in found.items() if name not in head}
    return found


def _why_no_weights(found: Tensor, wanted: Tensor) -> str | None:
    """What keeps a tensor from being weights of the wanted kind, whatever its shape."""
    if found.is_floating_point() != wanted.is_floating_point():
        return f"holds {str(found.dtype).removeprefix('torch.')} values. Give the weights of a trained model."
    if found.is_floating_point() and not found.float().isfinite().all():
        return "holds values that are infinite or no numbers. Give the weights of a trained model."
    return None


def _read(name: str, path: Path) -> dict[str, Tensor]:
    try:
        return read_foreign(path)
    except FileNotFoundError as error:
        raise UserError(
            f"models.{name}.pretrained: there is no file {path}; give a safetensors file."
        ) from error
    except CorruptFileError as error:
        raise UserError(
            f"models.{name}.pretrained: {path} is not a safetensors file; convert torchvision's weights "
            f"once, in your own Python: safetensors.torch.save_file(torchvision.models.{name}"
            f'(weights="DEFAULT").state_dict(), "{name}.safetensors").'
        ) from error


def _names_as_here(model: ImageClassifier, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names as a Classifier has them, whether they were or are torchvision's; without normalization."""
    if "head.weight" in found:
        return {name: value for name, value in found.items() if name not in ("mean", "std")}
    head = f"{model.head_name}."
    return {
        f"head.{name.removeprefix(head)}" if name.startswith(head) else f"backbone.{name}": value
        for name, value in found.items()
    }


def _why_other_shape(model: ImageClassifier, name: str, found: Tensor, wanted: Tensor) -> str:
    shapes = (
        f"'{name.removeprefix('backbone.')}' is {tuple(found.shape)} there and {tuple(wanted.shape)} here"
    )
    if found.ndim == 4 and found.shape[1] != wanted.shape[1] == model.description.channels:
        return f"{shapes}: it takes {found.shape[1]} channels. Give weights for this data set's, or null."
    if model.description.options.get("stem") == "small":
        return f"{shapes}. Set models.{model.description.name}.stem=imagenet to use these weights."
    return f"{shapes}. Give a file of the same architecture, or a model with the same stem."


def _unfit(model: ImageClassifier, path: Path, why: str) -> UserError:
    return UserError(f"models.{model.description.name}.pretrained: {path} does not fit, as {why}")
