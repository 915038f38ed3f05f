import pytest
import torch
from helpers.trigger_search import CLASSES, SIZE, TARGET, network, stripes, trained
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.defenses.parts.triggers import Triggers, each_stamped, stamp, success


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_stamping_mixes_image_and_pattern_by_the_mask(pixel: float, mask: float, pattern: float) -> None:
    mixed = stamp(*(torch.tensor(value, dtype=torch.float64) for value in (pixel, mask, pattern)))
    assert mixed.item() == pytest.approx((1 - mask) * pixel + mask * pattern)


def test_one_mask_serves_all_channels_of_its_image_alone() -> None:
    images, patterns = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    masks = torch.zeros(2, 1, 4, 4)
    masks[1, :, 0] = 1
    stamped = stamp(images, masks, patterns)
    assert torch.equal(stamped[0], images[0])
    assert torch.equal(stamped[1, :, 0], patterns[1, :, 0])
    assert torch.equal(stamped[1, :, 1:], images[1, :, 1:])


def some(count: int) -> Triggers:
    draws = torch.Generator().manual_seed(1)
    masks = torch.rand(count, 1, SIZE, SIZE, generator=draws)
    return Triggers(masks, torch.rand(count, 1, SIZE, SIZE, generator=draws), torch.ones(count))


def test_norms_are_sums_over_pixels_and_rows_belong_together() -> None:
    triggers = some(3)
    assert triggers.norms[2].item() == pytest.approx(triggers.masks[2].sum().item())
    part = triggers[torch.tensor([2, 0])]
    assert len(part) == 2
    assert torch.equal(part.masks[0], triggers.masks[2])
    assert torch.equal(part.patterns[1], triggers.patterns[0])


def test_a_stamped_model_sees_stamped_images() -> None:
    model, triggers = network().eval(), some(2)
    images = stripes(6).images[:].float() / 255
    first, second = each_stamped(model, triggers)
    seen = stamp(images, triggers.masks[:1], triggers.patterns[:1])
    torch.testing.assert_close(first(images), model(seen))
    torch.testing.assert_close(first.features(images), model.features(seen))
    assert not torch.allclose(first(images), second(images))


def test_success_is_averaged_over_triggers(trainer) -> None:
    model, triggers, data = network(), some(2), stripes(CLASSES * 3)
    model.head.weight.data.zero_()
    model.head.bias.data[4] = 1  # answers 4 always
    assert success(trainer, model, triggers, torch.tensor([1, 4]), data) == 0.5


def test_success_counts_images_of_other_classes_only(trainer) -> None:
    nothing = Triggers(torch.zeros(1, 1, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE), torch.ones(1))
    # what it answers without a trigger is right, and no success
    assert success(trainer, trained(backdoored=False), nothing, torch.tensor([TARGET]), stripes(60, 1)) == 0
