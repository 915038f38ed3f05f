"""How inputs get to a model: images as they are stored, texts by the model's own tokenizer."""

from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from backdoor_pipeline.data.images import Images
from backdoor_pipeline.data.samples import Inputs
from backdoor_pipeline.data.texts import Texts


@runtime_checkable
class Reader(Protocol):
    """A model of texts: it knows how to read them."""

    def encode(self, texts: Texts) -> Tensor:
        """Token ids: int64, (N, L), padded with 0."""


def as_read(model: nn.Module, inputs: Inputs) -> Images:
    """What this model sees in these inputs: images as they are, texts as the token ids of its own tokenizer.

    Raises:
        TypeError: they are texts, and the model reads none.
    """
    if not isinstance(inputs, Texts):
        return inputs
    if not isinstance(model, Reader):
        raise TypeError(f"{type(model).__name__} reads no texts: it has no `encode`")
    return model.encode(inputs)
