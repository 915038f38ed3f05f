"""Building a model by name: the same seed gives the same weights (P7)."""

import logging
from typing import Any

import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.models.classifier import Classifier, ImageClassifier, ModelDescription
from backdoor_pipeline.models.pretrained import load_pretrained, load_published
from backdoor_pipeline.models.registry import ModelOptions, architecture
from backdoor_pipeline.models.shapes import ShapesOnly
from backdoor_pipeline.models.text_classifier import AnyDescription, TextClassifier, TextDescription
from backdoor_pipeline.models.text_models import describe_text_model

logger = logging.getLogger(__name__)

IMAGENET_STEM_FROM = 128  # pixels: from here on a small stem would only make maps too large to afford


def describe_model(name: str, *, options: ModelOptions, **facts: Any) -> AnyDescription:
    """What `build_model` builds, for the same arguments.

    Raises:
        UserError: the folder of a text model is not there, or holds something else.
    """
    if architecture(name).kind == "text":
        return describe_text_model(name, options, **facts)
    facts |= options.normalization
    return ModelDescription(name=name, options=_structure(name, facts["image_size"], options), **facts)


def build_model(name: str, *, seed: int, options: ModelOptions, **facts: Any) -> Classifier:
    """A new model on the CPU, in training mode; the same seed gives the same weights whatever ran before.

    Args:
        name: a registered architecture.
        seed: the experiment's.
        options: from `model_options`.
        facts: see `ImageInput` and `TextInput`.

    Raises:
        UserError: the architecture is not known, or the pretrained file does not fit it.
    """
    model = initialize(describe_model(name, options=options, **facts), seed)
    if isinstance(model, TextClassifier):
        load_published(model, options)
    elif isinstance(model, ImageClassifier) and options.pretrained is not None:
        load_pretrained(model, options.pretrained)
    return model


def assemble(description: AnyDescription) -> Classifier:
    """The described model, with weights from the global random state."""
    chosen = architecture(description.name)
    if isinstance(description, TextDescription):
        return TextClassifier(description, chosen.build(description))  # type: ignore[arg-type]
    return ImageClassifier(description, chosen.build(description), chosen.input_size(description))


def skeleton(description: AnyDescription) -> Classifier:
    """The described model's structure: modules and shapes on the meta device, no numbers; in no time."""
    with torch.device("meta"), ShapesOnly():
        return assemble(description).eval()


def initialize(description: AnyDescription, seed: int) -> Classifier:
    """The described model on the CPU, with weights from `seed`; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):  # weights are drawn on the CPU alone
        torch.default_generator.manual_seed(derive_seed(seed, "init", description.name))
        return assemble(description)


def _structure(name: str, image_size: int, options: ModelOptions) -> dict[str, Any]:
    """The options that shape the network: the stem that it really gets, and not where weights came from."""
    expected = architecture(name).options
    if type(options) is not expected:
        raise UserError(
            f"model '{name}' takes {expected.__name__}: make them with model_options('{name}', ...)."
        )
    shape = options.model_dump(exclude={"pretrained", "mean", "std"})
    if shape.get("stem") == "small" and image_size >= IMAGENET_STEM_FROM:
        logger.info("%s: images of %d pixels get the ImageNet stem.", name, image_size)
        shape["stem"] = "imagenet"
    return shape
