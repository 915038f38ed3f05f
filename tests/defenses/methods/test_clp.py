import re

import pytest
import torch
from helpers.models import build
from torch import Tensor

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses import DefenderView
from backdoor_pipeline.defenses.methods.clp import ChannelLipschitzPruning, standardized
from backdoor_pipeline.defenses.parts.lipschitz import normalized_convolutions
from backdoor_pipeline.models import Classifier
from backdoor_pipeline.models.build import skeleton

SETTINGS = {"u": 3, "rule": "fixed", "tried": (4, 2, 1), "tolerance": 0.1}
OUTLIERS = {"backbone.layer1.0.bn1": 5, "backbone.bn1": 7}  # which channel of which layer


def clp(**changes) -> ChannelLipschitzPruning:
    return ChannelLipschitzPruning(**{**SETTINGS, **changes})


def alike(model) -> None:
    """All channels of a layer alike but for a little, and the outliers."""
    for name, (convolution, norm) in normalized_convolutions(model).items():
        torch.nn.init.ones_(convolution.weight)
        norm.weight.data.copy_(1 + 0.01 * (torch.arange(len(norm.weight)) % 2))
        if name in OUTLIERS:
            norm.weight.data[OUTLIERS[name]] = 10
        torch.nn.init.constant_(norm.bias, 0.5)


@pytest.fixture
def view(make_set, trainer) -> DefenderView:
    model = build("resnet8", classes=4)
    alike(model)
    return DefenderView(model, make_set(), make_set(rows=24), trainer, seed=5)


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> dict[str, list[int]]:
    """The channels of each entry that differ."""
    differ = {name: (before[name] != after[name]).nonzero().flatten().tolist() for name in before}
    return {name: channels for name, channels in differ.items() if channels}


def state(model) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_outliers_of_a_layer_give_nothing_and_all_else_stays(view) -> None:
    before = state(view.model)
    defended = clp().defend(view)
    assert changed(before, state(defended.model)) == {
        f"{layer}.{part}": [channel] for layer, channel in OUTLIERS.items() for part in ("weight", "bias")
    }
    for layer, channel in OUTLIERS.items():
        norm = defended.model.get_submodule(layer)
        assert norm.weight[channel] == norm.bias[channel] == 0
    assert defended.metrics["pruned"] == 2
    assert defended.metrics["channels"] == 16 + 2 * (16 + 32 + 64)
    assert defended.metrics["u"] == 3


def test_sixteen_channels_have_no_outlier_beyond_the_bound(view) -> None:
    assert clp(u=3.75).defend(view).metrics["pruned"] == 0  # 15 / sqrt(16)
    assert standardized(torch.tensor([0.0] * 15 + [9.0])).max().item() == pytest.approx(3.75)


def answers(monkeypatch, shares) -> None:
    """One after the other, how many of 100 clean images are right whenever that is asked."""
    rights = iter([torch.arange(100) < 100 * share for share in shares])
    for module in ("methods.clp", "parts.mask_thresholds"):
        monkeypatch.setattr(f"backdoor_pipeline.defenses.{module}.right_answers", lambda *_: next(rights))


@pytest.mark.parametrize(
    ("accuracies", "u", "pruned"),
    [((1, 0.98, 0.95, 0.3), 2, 3), ((1, 1, 1, 1), 1.2, 7), ((1, 0.5, 0.5, 0.5), 3.75, 0)],
)
def test_the_lowest_tolerable_u_is_chosen_or_one_that_prunes_nothing(
    view, monkeypatch, accuracies, u, pruned
) -> None:
    # of 16 channels one, two or four that are alike lie 3.75, 2.56 and 1.68 standard deviations out
    for layer, count in (("bn1", 1), ("layer1.0.bn1", 2), ("layer1.0.bn2", 4)):
        norm = view.model.get_submodule(f"backbone.{layer}")
        norm.weight.data.fill_(1)[:count] = 10
    answers(monkeypatch, [1, *accuracies])
    defended = clp(rule="held_out", tried=(2, 1.2)).defend(view)
    assert defended.metrics["u"] == pytest.approx(u)
    assert defended.metrics["pruned"] == pruned
    curve = defended.diagnostics.curve
    assert curve.columns["pruned_channels"] == [0, 1, 3, 7]
    assert curve.columns["u"] == [pytest.approx(3.75), 3, 2, 1.2]
    assert curve.columns["held_out_accuracy"] == list(accuracies)


def test_what_others_would_have_done_is_told(view) -> None:
    candidates = clp().defend(view).diagnostics.candidates
    assert candidates.setting == "u"
    assert candidates.weights[0] == {}
    assert set(candidates.weights[candidates.chosen]) == {
        f"{layer}.{part}" for layer in OUTLIERS for part in ("weight", "bias")
    }


def structure(name: str) -> Classifier:
    """A model without numbers, as `require` is asked about it before any work."""
    return skeleton(build(name).description)


@pytest.mark.parametrize("name", ["vit_b_16", "vgg19", "convnext_tiny"])
def test_a_model_without_such_layers_is_refused_by_the_names_of_some_with(name) -> None:
    with pytest.raises(UserError, match="clp prunes convolutions by the BatchNorm that follows") as refusal:
        clp().require(structure(name))
    able = re.findall(r"\w*(?:resnet|vgg)\w+", str(refusal.value).partition("such as")[2])
    assert len(able) == 4
    for one in able:
        clp().require(structure(one))
