"""A state dict's names and the network's."""

import pytest
import torch
from torch import nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.foreign.weights import load_weights


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


@pytest.mark.parametrize("prefix", ["", "module.", "state_dict.module.", "model._orig_mod."])
def test_what_weights_are_nested_in_is_left_out(prefix) -> None:
    source, target = network(), network()
    found = {f"{prefix}{name}": one for name, one in source.state_dict().items()}
    load_weights(target, found | ({"y": torch.ones(1)} if prefix else {}))
    assert all(torch.equal(one, target.state_dict()[name]) for name, one in source.state_dict().items())


def test_beginnings_are_renamed_and_counters_may_be_missing() -> None:
    source, target = network(), network()
    found = {
        f"fc.{name[2:]}" if name.startswith("3.") else name: one for name, one in source.state_dict().items()
    }
    del found["1.num_batches_tracked"]
    load_weights(target, found, [("fc.", "3.")])
    assert torch.equal(target.state_dict()["3.weight"], source.state_dict()["3.weight"])


def test_what_does_not_fit_is_named() -> None:
    found = network().state_dict()
    with pytest.raises(UserError, match=r"lacks 3\.bias; .*--rename"):
        load_weights(network(), {name: one for name, one in found.items() if name != "3.bias"})
    with pytest.raises(UserError, match=r"also has 4\.weight"):
        load_weights(network(), {**found, "4.weight": torch.ones(1)})
    with pytest.raises(UserError, match=r"'3\.weight' is \(9, 4\) in the file and \(2, 4\)"):
        load_weights(network(), {**found, "3.weight": torch.ones(9, 4)})
