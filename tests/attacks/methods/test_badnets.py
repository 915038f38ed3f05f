import pytest
import torch

from backdoor_pipeline.attacks.methods.badnets import BadNets, PatchTrigger


def test_only_the_bottom_right_corner_turns_white() -> None:
    images = torch.randint(0, 255, (2, 3, 32, 32), dtype=torch.uint8)
    before = images.clone()
    stamped = PatchTrigger(3)(images)
    assert (stamped[:, :, 29:, 29:] == 255).all()
    changed = (stamped != before).any(dim=(0, 1))
    assert not changed[:29].any()
    assert not changed[:, :29].any()
    assert torch.equal(images, before), "the clean images must stay as they are"


@pytest.mark.parametrize(("pixels", "side"), [(28, 3), (32, 3), (64, 6), (224, 21), (8, 1), (4, 1)])
def test_the_patch_grows_with_the_image(pixels: int, side: int, make_set, make_env) -> None:
    trigger = BadNets(patch_size=3).craft(make_set(size=pixels), make_env())
    assert trigger.size == side
