"""Somebody else's model as a classifier like ours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backdoor_pipeline.data.spec import ImageInput
from backdoor_pipeline.foreign.tensors import read_tensors
from backdoor_pipeline.foreign.weights import load_weights
from backdoor_pipeline.models import Classifier, wrap
from backdoor_pipeline.models.build import describe_model, initialize
from backdoor_pipeline.models.classifier import ImageClassifier, ModelDescription
from backdoor_pipeline.models.factories import admit, find, takes
from backdoor_pipeline.models.registry import model_options


def block_of(factory: str, arguments: Mapping[str, Any], num_classes: int) -> dict[str, Any]:
    """The parameters of a model that a factory builds, below `models.<name>`, still without its weights.

    Args:
        factory: `package.module:function`, or the name of an architecture here.
        arguments: what it is called with; a function that takes `num_classes` is told them.
        num_classes: of the data set.

    Raises:
        UserError: there is no such function or architecture.
    """
    told = dict(arguments)
    if ":" in factory:
        if takes(find(factory), "num_classes"):
            told.setdefault("num_classes", num_classes)
    else:
        options = model_options(factory, {"pretrained": None, **told})
        told = options.model_dump(mode="json", exclude={"pretrained"})
    return {"factory": factory, "arguments": told, "pretrained": None}


def read_model(
    file: Path,
    name: str,
    block: Mapping[str, Any],
    facts: ImageInput,
    renamed: Sequence[tuple[str, str]] = (),
) -> Classifier:
    """The model, in evaluation mode.

    Args:
        file: safetensors, or a state dict that PyTorch has saved.
        name: what to call it.
        block: its parameters, from `block_of`, with `mean` and `std` where they are not the data set's.
        facts: about the data set's images.
        renamed: see `load_weights`.

    Raises:
        UserError: the file cannot be read, or does not fit; the network does not end with its linear layer.
    """
    admit({name: block})
    description = describe_model(name, options=model_options(name, block), **facts)
    classifier = initialize(description, seed=0)
    assert isinstance(classifier, ImageClassifier)
    assert isinstance(description, ModelDescription)
    network = classifier.backbone
    network.set_submodule(classifier.head_name, classifier.head)  # whole again, as its owner has it
    load_weights(network, read_tensors(file), renamed)
    wrapped = wrap(
        network, image_size=classifier.input_size, channels=description.channels
    )  # or says why not
    mended = initialize(description, seed=0)
    norms = {"mean": mended.mean, "std": mended.std}
    mended.load_state_dict({**wrapped.state_dict(), **norms})
    return mended.eval()
