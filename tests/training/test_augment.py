"""Batched crop and flip against one image at a time."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.training.augment import augment, crop_and_mirror


def one_by_one(images: Tensor, padding: int, top: Tensor, left: Tensor, mirrored: Tensor) -> Tensor:
    results = []
    for image, row, column, mirror in zip(
        images, top.tolist(), left.tolist(), mirrored.tolist(), strict=True
    ):
        channels, height, width = image.shape
        padded = torch.zeros(channels, height + 2 * padding, width + 2 * padding, dtype=torch.uint8)
        padded[:, padding : padding + height, padding : padding + width] = image
        crop = padded[:, row : row + height, column : column + width]
        results.append(crop.flip(2) if mirror else crop)
    return torch.stack(results)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9),
    st.sampled_from([1, 3]),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 4),
    st.data(),
)
def test_every_crop_and_mirror_is_exact(
    n: int, channels: int, height: int, width: int, padding: int, data: st.DataObject
) -> None:
    draws = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    images = torch.randint(256, (n, channels, height, width), generator=draws).to(torch.uint8)
    top, left = torch.randint(2 * padding + 1, (2, n), generator=draws)
    mirrored = torch.rand(n, generator=draws) < 0.5
    result = crop_and_mirror(images, padding, top, left, mirrored)
    assert result.dtype == torch.uint8
    assert torch.equal(result, one_by_one(images, padding, top, left, mirrored))


def test_offsets_and_mirrors_are_uniform() -> None:
    """The corner pixel of a ramp tells where each crop was cut, and whether it was mirrored."""
    ramp = torch.arange(1, 26, dtype=torch.uint8).view(1, 1, 5, 5).expand(20_000, 1, 5, 5)
    cropped = augment(
        ramp, Augmentation(crop_padding=1, horizontal_flip=False), torch.Generator().manual_seed(0)
    )
    centers, counts = cropped[:, 0, 2, 2].unique(return_counts=True)
    assert centers.tolist() == [7, 8, 9, 12, 13, 14, 17, 18, 19]
    assert (counts / 20_000 - 1 / 9).abs().max() < 0.01
    mirrored = augment(
        ramp, Augmentation(crop_padding=0, horizontal_flip=True), torch.Generator().manual_seed(0)
    )
    corners, counts = mirrored[:, 0, 0, 0].unique(return_counts=True)
    assert corners.tolist() == [1, 5]
    assert abs(counts[0].item() / 20_000 - 0.5) < 0.02


def test_no_augmentation_changes_nothing() -> None:
    images = torch.randint(256, (4, 3, 6, 6)).to(torch.uint8)
    same = augment(images, Augmentation(crop_padding=0, horizontal_flip=False), torch.Generator())
    assert torch.equal(same, images)


def test_the_generator_decides() -> None:
    images = torch.randint(256, (64, 3, 6, 6)).to(torch.uint8)
    both = Augmentation(crop_padding=2, horizontal_flip=True)
    first, again, other = (augment(images, both, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
