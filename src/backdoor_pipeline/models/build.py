"""Building a model by name: the same seed gives the same weights (P7)."""

import logging
from typing import Any, Unpack

import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.base.seeds import derive_seed
from backdoor_pipeline.data.spec import ModelInput
from backdoor_pipeline.models.classifier import Classifier, ModelDescription
from backdoor_pipeline.models.pretrained import load_pretrained
from backdoor_pipeline.models.registry import ModelOptions, architecture

logger = logging.getLogger(__name__)

IMAGENET_STEM_FROM = 128  # pixels: from here on a small stem would only make maps too large to afford


def describe_model(name: str, *, options: ModelOptions, **facts: Unpack[ModelInput]) -> ModelDescription:
    """What `build_model` builds, for the same arguments."""
    return ModelDescription(name=name, options=_structure(name, facts["image_size"], options), **facts)


def build_model(name: str, *, seed: int, options: ModelOptions, **facts: Unpack[ModelInput]) -> Classifier:
    """A new model on the CPU, in training mode; the same seed gives the same weights whatever ran before.

    Args:
        name: a registered architecture.
        seed: the experiment's.
        options: from `model_options`.
        facts: see `ModelInput`.

    Raises:
        UserError: the architecture is not known, or the pretrained file does not fit it.
    """
    model = initialize(describe_model(name, options=options, **facts), seed)
    if options.pretrained is not None:
        load_pretrained(model, options.pretrained)
    return model


def assemble(description: ModelDescription) -> Classifier:
    """The described model, with weights from the global random state."""
    chosen = architecture(description.name)
    return Classifier(description, chosen.build(description), chosen.input_size(description))


def skeleton(description: ModelDescription) -> Classifier:
    """The described model's structure: modules and shapes on the meta device, no numbers; in no time."""
    with torch.device("meta"):
        return assemble(description).eval()


def initialize(description: ModelDescription, seed: int) -> Classifier:
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
    shape = options.model_dump(exclude={"pretrained"})
    if shape.get("stem") == "small" and image_size >= IMAGENET_STEM_FROM:
        logger.info("%s: images of %d pixels get the ImageNet stem.", name, image_size)
        shape["stem"] = "imagenet"
    return shape
