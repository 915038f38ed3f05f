from copy import deepcopy

import pytest
import torch
from helpers.tiny_backdoor import (
    BLUE,
    GREEN,
    RED,
    classifier,
    color_images,
    color_network,
    recipe,
    triggered,
)
from torch import nn

from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods import fp
from backdoor_pipeline.defenses.methods.fp import FinePruning, how_many
from backdoor_pipeline.defenses.parts.head_inputs import HeadInputs, accuracies_while_pruning

DEFENSE = FinePruning(tolerance=0.1, held_out=0.25, recipe=recipe())


@pytest.fixture
def view(trainer) -> DefenderView:
    """A model whose blue channel is the backdoor, and clean images without blue; no training set."""
    return DefenderView(classifier(color_network()), None, color_images(40), trainer, seed=1)  # type: ignore[arg-type]


def test_the_activation_of_a_channel_is_its_mean_magnitude(trainer) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3, 3, bias=False), nn.Linear(3, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.diag(torch.tensor([1.0, -1.0, 2.0])))
    pixels = torch.tensor([[255, 51, 0], [153, 51, 51]], dtype=torch.uint8).view(2, 3, 1, 1)
    data = ImageSet(pixels, torch.tensor([0, 1]), ("a", "b"))
    last = HeadInputs(trainer, classifier(network, size=1))
    assert last.activity(data.inputs).tolist() == pytest.approx([0.8, 0.2, 0.2])


def test_accuracies_are_those_of_a_model_without_the_channels() -> None:
    draws = torch.Generator().manual_seed(0)
    features, labels = torch.randn(200, 12, generator=draws), torch.randint(0, 5, (200,), generator=draws)
    order, head = torch.randperm(12, generator=draws), nn.Linear(12, 5)
    accuracies = accuracies_while_pruning(head, features, labels, order)
    assert len(accuracies) == 12
    for count, accuracy in enumerate(accuracies):
        pruned = deepcopy(head)
        with torch.no_grad():
            pruned.weight[:, order[:count]] = 0
        assert accuracy == pytest.approx((pruned(features).argmax(1) == labels).float().mean().item())


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [([1.0, 0.95, 0.9, 0.89, 1.0], 2), ([1.0, 0.5], 0), ([0.5, 0.5, 0.5], 2), ([0.9, 0.81, 0.8], 1)],
)
def test_pruning_ends_before_the_first_fall_below_the_tolerance(
    accuracies: list[float], expected: int
) -> None:
    assert how_many(accuracies, 0.1) == expected


def test_the_backdoor_channel_is_pruned_and_the_backdoor_is_gone(view) -> None:
    suspect, images = deepcopy(view.model), color_images(20).images
    assert view.trainer.predict(suspect, triggered(images)).tolist() == [0] * 20
    defended = DEFENSE.defend(view)
    predicted = view.trainer.predict(defended.model, triggered(images))
    assert predicted.tolist() == [0, 1] * 10
    # by hand: blue is idle; then comes green, and without it green images tie, which makes them class 0
    assert defended.metrics == {"pruned": 1, "channels": 3, "held_out_accuracy": 1.0}
    curve = defended.diagnostics.curve
    assert curve.chosen == 1
    assert curve.columns["held_out_accuracy"] == [1.0, 1.0, 0.5]
    assert curve.columns["mean_activation"] == pytest.approx([0, 180 / 255 / 2, 200 / 255 / 2], rel=1e-4)


def test_pruned_channels_stay_zero_while_everything_else_is_tuned(view) -> None:
    # blue noise in the clean images: the pruned column would get a gradient
    images = view.clean.images.clone()
    images[:, BLUE] = torch.randint(0, 60, images[:, BLUE].shape, dtype=torch.uint8)
    before = deepcopy(view.model)
    view = DefenderView(
        view.model, view.train, ImageSet(images, view.clean.labels, view.clean.classes), view.trainer, 1
    )
    with torch.no_grad():
        before.head.weight[:, BLUE] = view.model.head.weight[:, BLUE] = torch.tensor([0.1, -0.1])
    model = DEFENSE.defend(view).model
    assert torch.equal(model.head.weight[:, BLUE], torch.zeros(2))
    for name, weight in model.named_parameters():
        assert not torch.equal(weight, before.get_parameter(name)), f"{name} was not tuned"
    assert not torch.equal(model.head.weight[:, [RED, GREEN]], before.head.weight[:, [RED, GREEN]])
    view.trainer.fit(model, view.clean, recipe(), seed=0)
    assert model.head.weight[:, BLUE].any(), "the defense left its hook on the model"


def test_only_held_out_labels_decide_and_all_clean_images_tune(view, monkeypatch) -> None:
    def split(clean, share, seed, purpose):
        wrong = clean.subset(torch.arange(30))
        return ImageSet(wrong.images, 1 - wrong.labels, wrong.classes), clean.subset(torch.arange(30, 40))

    fitted = []
    monkeypatch.setattr(fp, "split_clean", split)
    monkeypatch.setattr(
        type(view.trainer), "fit", lambda self, model, data, *_, **__: fitted.append(len(data)) or []
    )
    assert DEFENSE.defend(view).metrics == {"pruned": 1, "channels": 3, "held_out_accuracy": 1.0}
    assert fitted == [40]


def test_activity_is_that_of_the_images_that_are_not_held_out(view, monkeypatch) -> None:
    def split(clean, share, seed, purpose):
        return clean.subset(torch.tensor([0, 1])), clean.subset(torch.tensor([2, 4, 6]))  # red ones alone

    monkeypatch.setattr(fp, "split_clean", split)
    columns = DEFENSE.defend(view).diagnostics.curve.columns
    assert columns["mean_activation"] == pytest.approx([0, 180 / 255 / 2, 200 / 255 / 2], rel=1e-4)
    assert columns["held_out_accuracy"] == [1.0, 1.0, 1.0]  # a tie of 0 and 0 goes to class 0, which is red


def test_candidates_are_the_prunings_before_fine_tuning(view) -> None:
    suspect = deepcopy(view.model)
    candidates = DEFENSE.defend(view).diagnostics.candidates
    assert candidates.setting == "pruned_channels"
    assert list(candidates.values) == [0, 1, 2]
    assert candidates.chosen == 1
    gone = [[], [BLUE], [BLUE, GREEN]]
    for weights, channels in zip(candidates.weights, gone, strict=True):
        expected = suspect.head.weight.detach().clone()
        expected[:, channels] = 0
        assert weights.keys() == {"head.weight"}
        assert torch.equal(weights["head.weight"], expected)


def test_of_many_channels_about_forty_prunings_are_kept(make_set, trainer) -> None:
    model = classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 300), nn.ReLU(), nn.Linear(300, 4)), classes=4
    )
    view = DefenderView(model, make_set(), make_set(size=4), trainer, seed=0)
    defended = DEFENSE.defend(view)
    values = defended.diagnostics.candidates.values
    assert (values[0], values[-1]) == (0, 299)
    assert 40 <= len(values) <= 41
    assert values[defended.diagnostics.candidates.chosen] == defended.metrics["pruned"]
    assert len(defended.diagnostics.curve.columns["held_out_accuracy"]) == 300
