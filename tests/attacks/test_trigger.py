"""At the library's edge: images that are not as they are stored are refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from backdoor_pipeline.attacks import ATTACKS, AttackEnv
from backdoor_pipeline.attacks.methods.badnets import BadNets
from backdoor_pipeline.attacks.poisoning import poison
from backdoor_pipeline.attacks.trigger import NoTrigger, TextTrigger, Trigger
from backdoor_pipeline.base.registry import NONE
from backdoor_pipeline.data.images import ImageSet


class Black(Trigger):
    """Of someone who wrote no check."""

    def forward(self, images: Tensor) -> Tensor:
        """See `Trigger.forward`."""
        return torch.zeros_like(images)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64, torch.bool])
@pytest.mark.parametrize("kind", [Black, NoTrigger])
def test_a_trigger_refuses_all_but_uint8(kind: type[Trigger], dtype: torch.dtype):
    images = torch.ones(2, 3, 4, 4)
    with pytest.raises(TypeError, match=rf"^a trigger stamps uint8 images in 0\.\.255, not {dtype}$"):
        kind()(images.to(dtype))
    assert kind()(images.to(torch.uint8)).dtype == torch.uint8


def test_no_attacks_trigger_goes_round_the_check():
    for name in set(ATTACKS.names()) - {NONE}:
        kind = TextTrigger if ATTACKS[name].kind == "text" else Trigger
        assert ATTACKS[name].trigger_type.__call__ is kind.__call__


@pytest.mark.parametrize("which", ["train", "test"])
def test_an_attack_refuses_float_images(
    which: str, make_set: Callable[..., ImageSet], make_env: Callable[..., AttackEnv], params: dict
):
    data = {"train": make_set(), "test": make_set()}
    data[which] = ImageSet(data[which].images / 255, data[which].labels, data[which].classes)
    attack = BadNets(**params["attacks"]["badnets"])
    with pytest.raises(TypeError, match=r"^an attack poisons uint8 images in 0\.\.255, not torch\.float32$"):
        poison(attack, data["train"], data["test"], make_env(), poison_target_class=True)
