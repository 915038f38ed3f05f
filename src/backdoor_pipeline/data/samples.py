"""What data sets of images and of texts have in common: inputs, labels, class names."""

from collections.abc import Sequence

import torch
from torch import Tensor

from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import Images, ImageSet
from backdoor_pipeline.data.texts import Texts, TextSet, joined

Inputs = Images | Texts
"""What a model is asked about: uint8 images (N, C, H, W), or N sentences."""

Held = Tensor | Texts
"""The same, in memory."""

SampleSet = ImageSet | TextSet


def images_of(data: SampleSet) -> ImageSet:
    """The data set, which is one of images: what looks at pixels is refused for texts beforehand."""
    assert isinstance(data, ImageSet), "texts have no pixels"
    return data


def concatenated(parts: Sequence[Held]) -> Held:
    """Inputs of one kind, one part after the other; of no part: no image."""
    texts = [part for part in parts if isinstance(part, Texts)]
    if texts:
        return joined(texts)
    images = [part for part in parts if isinstance(part, Tensor)]
    return torch.cat(images) if images else torch.empty(0, dtype=torch.uint8)


def nothing_like(data: SampleSet) -> Held:
    """No inputs of the kind of this data set."""
    if isinstance(data, TextSet):
        return Texts(())
    return torch.empty(0, *data.image_shape, dtype=torch.uint8)


def some_rows(count: int, most: int) -> Tensor:
    """At most so many of `count` rows, ascending: drawn, as the first may be all of one class; int64.

    Always the same ones, so that what is measured on them can be compared.
    """
    if count <= most:
        return torch.arange(count)
    return torch.randperm(count, generator=generator(0, "some rows"))[:most].sort().values
