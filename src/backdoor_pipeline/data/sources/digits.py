"""scikit-learn's handwritten digits: 1,797 images that need no download."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from backdoor_pipeline.base.seeds import generator
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.sources.base import Source, Split, class_numbers, source
from backdoor_pipeline.data.spec import ImageSpec

TEST_SHARE = 0.25
SPLIT_SEED = 0  # the set has no official split; this one is part of what the set is, whatever the experiment


@source("digits")
class Digits(Source[ImageSpec]):
    """8x8 images of 17 gray levels, enlarged (bilinear); a fixed quarter of each class is for testing."""

    def find(self, spec: ImageSpec, folder: Path, split: Split) -> list[Path]:  # noqa: ARG002
        """Nothing to find: the images come with scikit-learn."""
        return []

    def packaged(self) -> list[Path]:
        """The file in scikit-learn; the package is not imported for it."""
        package = find_spec("sklearn")
        assert package
        assert package.origin
        return [Path(package.origin).parent / "datasets/data/digits.csv.gz"]

    def read(self, spec: ImageSpec, files: list[Path], split: Split) -> ImageSet:  # noqa: ARG002
        """The split, at the size and channels of the settings."""
        from sklearn.datasets import load_digits

        data = load_digits()
        gray = torch.from_numpy(data.images).float()[:, None] * (255 / 16)
        labels = torch.from_numpy(data.target).long()
        large = interpolate(gray, size=spec.image_size, mode="bilinear", align_corners=False)
        images = large.round().clamp(0, 255).to(torch.uint8).repeat(1, spec.channels, 1, 1)
        chosen = split_rows(labels, split)
        return ImageSet(images[chosen], labels[chosen], class_numbers(10))


def split_rows(labels: Tensor, split: Split) -> Tensor:
    """The rows of a split, ascending: a fixed random quarter of each class is the test set."""
    test = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero()[:, 0]
        order = torch.randperm(len(rows), generator=generator(SPLIT_SEED, "digits", label))
        test[rows[order[: round(TEST_SHARE * len(rows))]]] = True
    return (test if split == "test" else ~test).nonzero()[:, 0]
