from copy import deepcopy

import pytest
import torch
from helpers.tiny_backdoor import classifier
from helpers.trigger_search import TARGET, search, stripes, trained
from torch import nn

from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.parts import trigger_pruning as module
from backdoor_pipeline.defenses.parts.trigger_pruning import Pruning
from backdoor_pipeline.defenses.parts.triggers import success
from backdoor_pipeline.metrics.accuracy import clean_accuracy

# two classes; neuron 0 speaks for class 0, 1 for class 1, 2 for class 0 where the trigger is
HEAD = nn.Linear(3, 2, bias=False).requires_grad_(False)
HEAD.weight.copy_(torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]))
PLAIN = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
LURED = (PLAIN + torch.tensor([0.0, 0.0, 1.0])).expand(1, 2, 3)
LABELS, CLASSES = torch.tensor([0, 1]), torch.tensor([0])


def enough(order: list[int], **changes: float) -> int:
    settings = Pruning.model_validate({"success": 0.1, "tolerance": 0.1, "held_out": 0.5, **changes})
    return settings._enough(HEAD, PLAIN, LURED, LABELS, CLASSES, torch.tensor(order))


def test_pruning_stops_when_the_trigger_works_no_more() -> None:
    assert enough([2, 0, 1]) == 1


def test_pruning_stops_before_accuracy_falls_too_far() -> None:
    # without neuron 1, class 1 is lost; a tie of 0 and 0 goes to class 0
    assert enough([1, 2, 0]) == 0
    assert enough([0, 2, 1], tolerance=0.5) == 2


def test_a_trigger_that_does_not_work_costs_no_neuron() -> None:
    settings = Pruning(success=0.1, tolerance=0.1, held_out=0.5)
    assert settings._enough(HEAD, PLAIN, PLAIN[None], LABELS, CLASSES, torch.tensor([2, 0, 1])) == 0


def test_neurons_are_ranked_on_one_part_and_pruned_as_far_as_the_other_allows(trainer, monkeypatch) -> None:
    data, counted = stripes(10, seed=1), []
    parts = {3: data.subset(torch.arange(3)), 7: data.subset(torch.arange(3, 10))}

    def features(_trainer, _model, _triggers, part):
        # the trigger adds (0, 2, 1) to the images of the tuning part
        plain = torch.tensor([[5.0, 1.0, 0.0]] if len(part) == 3 else [[0.0, 0.0, 9.0]])
        return plain, plain[None] + torch.tensor([0.0, 2.0, 1.0] if len(part) == 3 else [9.0, 0.0, 0.0])

    def enough(_self, _head, plain, _stamped, labels, classes, order):
        counted.append((plain.tolist(), labels.tolist(), order.tolist()))
        return 2

    monkeypatch.setattr(module, "split_clean", lambda *_: (parts[3], parts[7]))
    monkeypatch.setattr(module, "_features", features)
    monkeypatch.setattr(Pruning, "_enough", enough)
    model = classifier(nn.Sequential(nn.Flatten(), nn.Linear(48, 3), nn.Linear(3, 2)))
    before = model.head.weight.detach().clone()
    view = DefenderView(model, None, data, trainer, seed=0)  # type: ignore[arg-type]
    assert Pruning(success=0.1, tolerance=0.1, held_out=0.7).run(view, None, torch.tensor([0])) == 2  # type: ignore[arg-type]
    assert counted == [([[0.0, 0.0, 9.0]], parts[7].labels.tolist(), [1, 2, 0])]
    assert torch.equal(model.head.weight, before * torch.tensor([1, 0, 0]))


def test_a_planted_backdoor_is_cut_out(trainer) -> None:
    model, clean = trained(backdoored=True), stripes(120, seed=1)
    target = torch.tensor([TARGET])
    found = search().run(trainer, model, clean, seed=0)[target]
    view = DefenderView(deepcopy(model), clean, clean, trainer, seed=0)
    pruned = Pruning(success=0.3, tolerance=0.1, held_out=0.5).run(view, found, target)
    silenced = (view.model.head.weight == 0).all(0)
    assert silenced.sum() == pruned > 0
    assert torch.equal(view.model.head.weight[:, ~silenced], model.head.weight[:, ~silenced])
    assert success(trainer, model, found, target, clean) > 0.9
    assert success(trainer, view.model, found, target, clean) < 0.5
    assert clean_accuracy(trainer.predict(view.model, clean.images), clean.labels) > 0.85


def test_settings_are_bounded() -> None:
    with pytest.raises(ValueError, match="less than 1"):
        Pruning(success=0.1, tolerance=0.1, held_out=1)
