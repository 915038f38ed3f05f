"""ABL: its losses by hand and by autograd, what it isolates, and that unlearning unlearns."""

import math
from dataclasses import replace

import pytest
import torch
from helpers.parameters import change
from torch import nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods.abl import ABL
from backdoor_pipeline.defenses.parts.abl_loss import (
    Flooding,
    JointUnlearning,
    LocalGradientAscent,
    ascent,
    forgetting,
)
from backdoor_pipeline.defenses.parts.ranking import lowest
from backdoor_pipeline.defenses.parts.stream import endless
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Batch, Trainer

SETTINGS = {
    "loss": "flooding",
    "loss_level": 0.5,
    "isolation_ratio": 0.1,
    "tuning_epochs": 6,
    "finetuning_epochs": 8,
    "unlearning_epochs": 10,
    "batch_size": 16,
    "lr": 0.05,
    "averaged_epochs": 2,
    "unlearning": "joint",
    "unlearning_batch_size": 16,
    "unlearning_lr": 0.01,
    "allowed_cost": None,
    "kept": "overall",
    "kept_share": 0.5,
    "kept_weight": 2,
    "kept_batch_size": 16,
    "recovery_epochs": 0,
    "recovery_lr": 0.01,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "optimizer": "sgd",
    "clip_norm": None,
}


class Logits(nn.Module):
    """A model whose output is its weight, so that an objective's gradient is that of the logits."""

    def __init__(self, *losses: float) -> None:
        super().__init__()
        # two classes, label 0: the loss is log(1 + exp(z1 - z0))
        self.weight = nn.Parameter(torch.tensor([[0.0, math.log(math.expm1(loss))] for loss in losses]))

    def forward(self, images):
        return self.weight


def batch(rows: int) -> Batch:
    labels = torch.zeros(rows, dtype=torch.int64)
    return Batch(torch.zeros(rows, 1, 2, 2), labels, torch.arange(rows), epoch=1, step=0)


def gradients(objective, *losses: float) -> tuple[float, torch.Tensor]:
    """The objective of images with these losses, and its gradient at each image's wrong logit."""
    model = Logits(*losses)
    value = objective(model, batch(len(losses)))
    value.backward()
    return value.item(), model.weight.grad[:, 1]


def slope(loss: float) -> float:
    """Of the loss in its wrong logit: the probability of the wrong class."""
    return 1 - math.exp(-loss)


def test_flooding_descends_above_its_level_and_climbs_below() -> None:
    value, pull = gradients(Flooding(0.5), 0.1, 1.5)  # mean 0.8
    assert value == pytest.approx(0.8)
    assert pull.tolist() == pytest.approx([slope(0.1) / 2, slope(1.5) / 2])
    value, pull = gradients(Flooding(0.5), 0.1, 0.5)  # mean 0.3: |0.3 - 0.5| + 0.5
    assert value == pytest.approx(0.7)
    assert pull.tolist() == pytest.approx([-slope(0.1) / 2, -slope(0.5) / 2])


def test_lga_turns_each_image_at_gamma() -> None:
    value, pull = gradients(LocalGradientAscent(0.5), 0.1, 1.5)
    assert value == pytest.approx((-0.1 + 1.5) / 2)
    assert pull.tolist() == pytest.approx([-slope(0.1) / 2, slope(1.5) / 2])


def test_forgetting_by_hand_and_however_sure_the_model_is() -> None:
    logits = torch.tensor([[0.8, 0.15, 0.05], [0.8, 0.15, 0.05]]).log()
    labels = torch.tensor([0, 2])
    assert forgetting(logits, labels).tolist() == pytest.approx([-math.log(0.2), -math.log(0.95)])
    sure = torch.tensor([[60.0, 0.0, 0.0]], requires_grad=True)
    loss = forgetting(sure, torch.tensor([0])).sum()
    assert loss.item() == pytest.approx(60 - math.log(2), rel=1e-4)
    loss.backward()
    assert sure.grad[0].tolist() == pytest.approx([1, -0.5, -0.5])  # at full slope
    unsure = torch.tensor([[-60.0, 0.0, 0.0]], requires_grad=True)
    forgetting(unsure, torch.tensor([0])).sum().backward()
    assert unsure.grad[0].tolist() == pytest.approx([0, 0, 0], abs=1e-6)  # forgotten: nothing pulls


def test_plain_ascent_by_hand() -> None:
    value, pull = gradients(ascent, 0.4, 1.5)
    assert value == pytest.approx(-(0.4 + 1.5) / 2)
    assert pull.tolist() == pytest.approx([-slope(0.4) / 2, -slope(1.5) / 2])


def test_joint_unlearning_descends_on_the_kept_and_ascends_on_the_isolated() -> None:
    model = Logits(0.1, 0.4, 1.5)
    kept = iter([(torch.zeros(1, 1, 2, 2), torch.tensor([0]))])  # the first row; the isolated are the others
    value = JointUnlearning(kept, 3)(model, batch(2))
    value.backward()
    pull = model.weight.grad[:, 1]
    assert value.item() == pytest.approx(
        3 * 0.1 - (math.log(slope(0.4)) + math.log(slope(1.5))) / 2, rel=1e-5
    )
    # on the isolated: minus the cross-entropy's slope, times p / (1 - p)
    up = [-slope(loss) * math.exp(-loss) / slope(loss) / 2 for loss in (0.4, 1.5)]
    assert pull.tolist() == pytest.approx([3 * slope(0.1), *up], rel=1e-5)


@pytest.fixture
def view(make_set, trainer) -> DefenderView:
    """Noise labeled at random, but for 12 images with a white corner, all labeled 0: easy to learn."""
    noise = make_set(rows=60)
    images, labels = noise.images.clone(), noise.labels.clone()
    images[:12, :, -12:, -12:] = 255
    images[12:, :, -12:, -12:] = 0
    labels[:12] = 0
    model = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    return DefenderView(model, ImageSet(images, labels, noise.classes), make_set(rows=8), trainer, seed=1)


def test_what_is_learned_first_is_isolated_and_unlearned(view) -> None:
    before = {name: tensor.clone() for name, tensor in view.model.state_dict().items()}
    defended = ABL(**SETTINGS).defend(view)
    flagged, scores = defended.suspicion.flagged, defended.suspicion.scores
    assert flagged.sum() == defended.metrics["isolated"] == 6
    assert flagged[:12].sum() == 6
    assert scores[flagged].min() >= scores[~flagged].max()
    assert defended.metrics["isolated_accuracy_before"] == 1
    assert defended.metrics["isolated_accuracy_after"] < 0.5
    assert defended.metrics["isolated_loss_after"] > defended.metrics["isolated_loss_before"] + 1
    assert [row["phase"] for row in defended.history] == [1] * 6 + [2] * 8 + [3] * 10
    assert [row["epoch"] for row in defended.history] == list(range(1, 25))
    for name, tensor in view.model.state_dict().items():
        assert torch.equal(tensor, before[name])  # the suspect model is left alone


def test_the_tuning_loss_is_the_one_asked_for(view) -> None:
    short = {**SETTINGS, "finetuning_epochs": 1, "unlearning_epochs": 1}
    flooding = ABL(**short).defend(view).suspicion.scores
    lga = ABL(**{**short, "loss": "lga"}).defend(view).suspicion.scores
    assert not torch.equal(flooding, lga)
    higher = ABL(**{**short, "loss_level": 1.2}).defend(view).suspicion.scores
    assert higher.mean() < flooding.mean()  # more loss is left


def test_nothing_but_the_ascent_unlearns(view) -> None:
    """Ascent on isolated images alone would move BatchNorm's statistics, and the model with them."""
    metrics = ABL(**{**SETTINGS, "unlearning_lr": 1e-9}).defend(view).metrics
    assert metrics["isolated_accuracy_after"] == metrics["isolated_accuracy_before"] == 1


def test_the_losses_of_the_last_tuning_epochs_are_averaged(view) -> None:
    """Training is the same up to an epoch however many follow, so that single epochs can be had."""
    short = {**SETTINGS, "tuning_epochs": 3, "finetuning_epochs": 1, "unlearning_epochs": 1}

    def scores(epochs: int, averaged: int) -> torch.Tensor:
        method = ABL(**{**short, "tuning_epochs": epochs, "averaged_epochs": averaged})
        return method.defend(view).suspicion.scores

    second, third = scores(2, 1), scores(3, 1)
    assert torch.allclose(scores(3, 2), (second + third) / 2)
    assert not torch.allclose(second, third)


def test_unlearning_keeps_what_was_learned_last(view, monkeypatch) -> None:
    kept = []

    def spy(data, *args, **settings):
        kept.append(data)
        return endless(data, *args, **settings)

    monkeypatch.setattr("backdoor_pipeline.defenses.methods.abl.endless", spy)
    scores = ABL(**{**SETTINGS, "kept_share": 0.3}).defend(view).suspicion.scores
    expected = view.train.subset(scores.argsort(stable=True)[:18].sort().values)  # of 60
    assert torch.equal(kept[0].images, expected.images)


def test_too_small_a_share_is_refused(view) -> None:
    with pytest.raises(UserError, match=r"use 0\.017 or more"):
        ABL(**{**SETTINGS, "isolation_ratio": 0.005}).defend(view)
    with pytest.raises(UserError, match="is all of them, which leaves none to train on: lower it"):
        ABL(**{**SETTINGS, "isolation_ratio": 0.9999}).require_images(60, 10)


def test_the_papers_unlearning_is_plain_ascent_at_a_constant_rate(view, monkeypatch) -> None:
    phases, fit = {}, Trainer.fit

    def noted(self, model, data, recipe, **settings):
        phases[settings["purpose"]] = (data, recipe, settings)
        return fit(self, model, data, recipe, **settings)

    monkeypatch.setattr(Trainer, "fit", noted)
    settings = {**SETTINGS, "unlearning": "paper", "recovery_epochs": 3}
    defended = ABL(**settings).defend(view)
    assert list(phases) == ["abl-tuning", "abl-finetuning", "abl-unlearning"]  # nothing is kept or recovered
    data, recipe, told = phases["abl-unlearning"]
    assert torch.equal(data.images, view.train.images[defended.suspicion.flagged])
    assert (recipe.lr, recipe.schedule, recipe.epochs) == (0.01, "constant", 10)
    assert told["objective"] is ascent
    assert told["augment"] is False
    assert [row["phase"] for row in defended.history] == [1] * 6 + [2] * 8 + [3] * 10
    assert defended.history[-1]["loss"] < -0.1
    assert defended.metrics["isolated_loss_after"] > defended.metrics["isolated_loss_before"]


def test_every_phase_has_its_images_its_rate_and_its_seed(view, monkeypatch) -> None:
    phases, seeds, learners, fit = {}, [], [], Trainer.fit

    def noted(self, model, data, recipe, **settings):
        phases[settings["purpose"]] = (data.images, recipe, settings)
        learners.append(model)
        return fit(self, model, data, recipe, **settings)

    monkeypatch.setattr(Trainer, "fit", noted)
    short = {"tuning_epochs": 3, "finetuning_epochs": 2, "unlearning_epochs": 1, "batch_size": 12}
    seen = replace(view, build=lambda seed: seeds.append(seed) or view.new_model(seed))
    defended = ABL(**{**SETTINGS, **short}).defend(seen)
    isolated = defended.suspicion.flagged
    assert seeds == [view.seed]
    assert all(getattr(one, "module", one) is defended.model for one in learners), (
        "one model goes through all"
    )
    expected = {
        "abl-tuning": (view.train.images, 0.05, "constant", 3, 12),
        "abl-finetuning": (view.train.images[~isolated], 0.05, "cosine", 2, 12),
        "abl-unlearning": (view.train.images[isolated], 0.01, "cosine", 1, 16),
    }
    assert list(phases) == list(expected)
    for name, (images, *settings) in expected.items():
        shown, recipe, told = phases[name]
        assert torch.equal(shown, images), name
        assert [recipe.lr, recipe.schedule, recipe.epochs, recipe.batch_size] == settings, name
        assert (recipe.optimizer, recipe.momentum, recipe.weight_decay) == ("sgd", 0.9, 0.0005)
        assert told["seed"] == view.seed
        assert told.get("augment", True) is (name == "abl-finetuning")
    assert phases["abl-tuning"][2]["objective"] == Flooding(0.5)


def test_unlearning_may_be_bounded_by_what_it_costs_on_clean_images(view, monkeypatch) -> None:
    """The clean images fit the labels of none: whatever their accuracy is, it may not fall."""
    defended = ABL(**{**SETTINGS, "allowed_cost": 0.0}).defend(view)
    unlearning = [row for row in defended.history if row["phase"] == 3]
    free = ABL(**SETTINGS).defend(view)
    start = (
        view.trainer.predict(_before_unlearning(view, monkeypatch), view.clean.images) == view.clean.labels
    )
    least = start.double().mean().item()
    affordable = [row["isolated_loss"] for row in unlearning if row["clean_accuracy"] >= least]
    expected = max([defended.metrics["isolated_loss_before"], *affordable])
    assert defended.metrics["isolated_loss_after"] == pytest.approx(expected, rel=1e-4)
    after = (view.trainer.predict(defended.model, view.clean.images) == view.clean.labels).double().mean()
    assert after >= least
    assert free.metrics["isolated_loss_before"] == defended.metrics["isolated_loss_before"]
    assert "clean_accuracy" not in free.history[-1]


def _before_unlearning(view, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ABL, "_unlearn", lambda *_: [])
        return ABL(**SETTINGS).defend(view).model


def test_the_hardest_of_each_class_are_kept_but_none_that_is_isolated(view) -> None:
    """Class 1 is the easiest: it fills the isolated part, and the half learned last is without it."""
    labels = view.train.labels
    losses = torch.arange(60) / 60 + labels.double()
    losses[labels == 1] -= 5
    isolated = lowest(losses, 6)
    assert set(labels[isolated].tolist()) == {1}
    rows = {
        kept: ABL(**{**SETTINGS, "kept": kept})._learned_last(losses, isolated, view).labels
        for kept in ("overall", "per_class")
    }
    assert not (rows["overall"] == 1).any()
    assert len(rows["overall"]) == 30
    counts, sizes = rows["per_class"].bincount(minlength=4), labels.bincount(minlength=4)
    assert counts.tolist() == [round(0.5 * size) for size in sizes.tolist()]
    everything = ABL(**{**SETTINGS, "kept": "per_class", "kept_share": 0.99})
    assert len(everything._learned_last(losses, isolated, view)) == 60 - 6


def test_recovery_learns_kept_images_that_still_get_their_label(view, monkeypatch) -> None:
    taught, fit = {}, Trainer.fit

    def noted(self, model, data, recipe, **settings):
        taught[settings["purpose"]] = (data, recipe)
        return fit(self, model, data, recipe, **settings)

    monkeypatch.setattr(Trainer, "fit", noted)
    monkeypatch.setattr(Trainer, "predict", lambda _self, _model, images: torch.arange(len(images)) % 4)
    kept = view.train.subset(torch.arange(20, 60))
    history = ABL(**{**SETTINGS, "recovery_epochs": 3})._recover(view.model, kept, view)
    data, recipe = taught["abl-recovery"]
    agrees = torch.arange(40) % 4 == kept.labels
    assert torch.equal(data.images, kept.images[agrees])
    assert (recipe.epochs, recipe.lr, recipe.schedule) == (3, 0.01, "cosine")
    assert [len(phase) for phase in history] == [3]
    assert ABL(**SETTINGS)._recover(view.model, kept, view) == []
    monkeypatch.setattr(Trainer, "predict", lambda _self, _model, images: torch.full((len(images),), -1))
    assert ABL(**{**SETTINGS, "recovery_epochs": 3})._recover(view.model, kept, view) == []


def test_all_of_it_has_four_phases(view) -> None:
    settings = {**SETTINGS, "kept": "per_class", "recovery_epochs": 2}
    defended = ABL(**settings).defend(view)
    assert [row["phase"] for row in defended.history] == [1] * 6 + [2] * 8 + [3] * 10 + [4] * 2


def test_the_papers_data_sets_have_its_unlearning_and_small_ones_ours(params) -> None:
    for name, unlearning in {
        "cifar10": "paper",
        "tiny_imagenet": "paper",
        "digits": "joint",
        "mnist": "joint",
    }.items():
        chosen = resolve(change(params, dataset=name, defense="abl")).defending.defense
        assert chosen.params["unlearning"] == unlearning
        assert chosen.params["unlearning_lr"] == 0.0005
        assert chosen.params["kept"] == "per_class"
        assert chosen.params["recovery_epochs"] == 0
        assert chosen.params["isolation_ratio"] == (0.05 if name == "digits" else 0.01)
        assert chosen.params["allowed_cost"] == (0.02 if name == "digits" else None)
