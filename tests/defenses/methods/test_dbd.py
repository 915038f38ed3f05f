"""DBD: its stages in order, what is trusted, and what each stage may change."""

import math

import pytest
import torch
from helpers.parameters import change
from torch import nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.data.spec import Augmentation
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods.dbd import DBD
from backdoor_pipeline.defenses.parts.contrastive import SimCLR
from backdoor_pipeline.defenses.parts.mixmatch import MixMatch, ramp
from backdoor_pipeline.defenses.parts.phases import adam, sgd
from backdoor_pipeline.experiment.resolve import resolve
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Engine, Trainer

SETTINGS = {
    "views": {
        "min_area": 0.2, "max_stretch": 1.33, "jitter_share": 0.8, "brightness": 0.4, "contrast": 0.4,
        "saturation": 0.4, "hue": 0.1, "gray_share": 0.2,
    },
    "projection_size": 16,
    "temperature": 0.5,
    "ssl_epochs": 1,
    "ssl_batch_size": 16,
    "ssl_lr": 0.05,
    "ssl_momentum": 0.9,
    "ssl_weight_decay": 0.0001,
    "warmup_epochs": 2,
    "warmup_lr": 0.01,
    "sce_alpha": 0.1,
    "sce_beta": 1,
    "split": "overall",
    "trusted_share": 0.5,
    "semi_epochs": 1,
    "semi_steps": None,
    "semi_batch_size": 8,
    "semi_lr": 0.002,
    "semi_schedule": "constant",
    "sharpening": 0.5,
    "mixup_alpha": 0.75,
    "lambda_u": 15,
}  # fmt: skip


def make_view(make_set, trainer) -> DefenderView:
    model = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=3,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    return DefenderView(model, make_set(rows=40), make_set(rows=8), trainer, seed=3)


def test_the_half_that_fits_is_trusted(make_set, trainer) -> None:
    view = make_view(make_set, trainer)
    before = {name: tensor.clone() for name, tensor in view.model.state_dict().items()}
    defended = DBD(**SETTINGS).defend(view)
    flagged, scores = defended.suspicion.flagged, defended.suspicion.scores
    assert flagged.sum() == 20
    assert defended.metrics["trusted"] == 20
    assert scores[flagged].min() >= scores[~flagged].max()
    assert defended.metrics["trusted_loss"] == pytest.approx(float(scores[~flagged].mean()))
    assert [row["phase"] for row in defended.history] == [1, 2, 2, 3]
    assert [row["epoch"] for row in defended.history] == [1, 2, 3, 4]
    assert all(weight.requires_grad for weight in defended.model.parameters())
    for name, tensor in view.model.state_dict().items():
        assert torch.equal(tensor, before[name])  # the suspect model is left alone


def test_labels_teach_the_head_alone_before_the_split(make_set, trainer) -> None:
    """The features that the split is made on must be the same whatever the labels are."""
    states = []
    for flip in (False, True):
        view = make_view(make_set, trainer)
        data = view.train
        labels = (data.labels + 1) % 4 if flip else data.labels
        view = DefenderView(view.model, ImageSet(data.images, labels, data.classes), view.clean, trainer, 3)
        method, model = DBD(**SETTINGS), view.model
        first = {name: weight.clone() for name, weight in model.backbone.named_parameters()}
        method._learn_features(model, view)
        for name, weight in model.backbone.named_parameters():
            assert not torch.equal(weight, first[name]), f"{name} learned nothing"
        learned = {name: tensor.clone() for name, tensor in model.backbone.state_dict().items()}
        head = model.head.weight.clone()
        method._warm_up(model, view)
        assert not torch.equal(model.head.weight, head)
        for name, tensor in model.backbone.state_dict().items():
            assert torch.equal(tensor, learned[name]), name
        states.append((learned, model.head.weight))
    assert all(torch.equal(states[0][0][name], states[1][0][name]) for name in states[0][0])
    assert not torch.equal(states[0][1], states[1][1])


def test_labels_of_blamed_images_are_not_used(make_set, trainer) -> None:
    view = make_view(make_set, trainer)
    trusted = torch.arange(40) < 20
    weights = []
    for shift in (0, 1):
        labels = torch.where(trusted, view.train.labels, (view.train.labels + shift) % 4)
        data = ImageSet(view.train.images, labels, view.train.classes)
        model = make_view(make_set, trainer).model
        DBD(**SETTINGS)._finetune(model, trusted, DefenderView(model, data, view.clean, trainer, 3))
        weights.append(model.head.weight)
    assert torch.equal(*weights)


def test_a_model_without_normalization_is_refused(make_set, trainer) -> None:
    view = make_view(make_set, trainer)
    for name, module in list(view.model.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            view.model.set_submodule(name, nn.Identity())
    with pytest.raises(UserError, match="use vgg19_bn"):
        DBD(**SETTINGS).defend(view)


def test_trust_is_decided_anew_before_every_epoch(make_set, trainer, monkeypatch) -> None:
    view = make_view(make_set, trainer)
    splits = [torch.arange(40) % 2 == 0, torch.arange(40) < 20]
    seen: list[tuple[int, torch.Tensor]] = []
    loss = MixMatch.__call__

    def spy(self, model, batch):
        seen.append((batch.epoch, self.trusted.clone()))
        return loss(self, model, batch)

    monkeypatch.setattr(MixMatch, "__call__", spy)
    monkeypatch.setattr(DBD, "_split", lambda *_: (splits[1], torch.zeros(40)))
    DBD(**{**SETTINGS, "semi_epochs": 2})._finetune(view.model, splits[0], view)
    assert {epoch for epoch, _ in seen} == {1, 2}
    for epoch, trusted in seen:
        assert torch.equal(trusted, splits[epoch - 1])


def test_a_split_per_class_trusts_a_share_of_each(make_set, trainer) -> None:
    view = make_view(make_set, trainer)
    settings = {**SETTINGS, "trusted_share": 0.3}
    trusted, losses = DBD(**{**settings, "split": "per_class"})._split(view.model, view)
    labels = view.train.labels
    assert labels[trusted].bincount().tolist() == [3] * 4
    for label in range(4):
        mine = labels == label
        assert losses[mine & trusted].max() <= losses[mine & ~trusted].min()
    overall, _ = DBD(**settings)._split(view.model, view)
    assert losses[overall].max() <= losses[~overall].min()


def test_an_epoch_has_as_many_steps_as_asked_and_the_second_loss_reaches_its_weight_at_the_end(
    make_set, trainer, monkeypatch
) -> None:
    """40 images in batches of 8 are 5 steps; asked for are 12 in each of 2 epochs."""
    view, ramps, splits, rows = make_view(make_set, trainer), [], [], []
    loss, split = MixMatch.__call__, DBD._split

    def spy(self, model, batch):
        ramps.append(ramp(batch.step, self.steps))
        rows.append(batch.index)
        return loss(self, model, batch)

    def noted(self, *args):
        splits.append(len(ramps))
        return split(self, *args)

    monkeypatch.setattr(MixMatch, "__call__", spy)
    monkeypatch.setattr(DBD, "_split", noted)
    method = DBD(**{**SETTINGS, "semi_epochs": 2, "semi_steps": 12})
    history = method._finetune(view.model, torch.arange(40) % 2 == 0, view)
    assert ramps == [step / 24 for step in range(24)]
    assert splits == [12]  # trust is decided anew after an epoch, not after a pass
    assert [row["epoch"] for row in history] == [1, 2]
    for start in range(0, 20, 5):  # every five batches are a pass over all images
        assert torch.equal(torch.cat(rows[start : start + 5]).sort().values, torch.arange(40))


def test_every_phase_has_its_settings_and_goes_on_with_the_one_model(make_set, monkeypatch) -> None:
    phases, learners, fit = {}, {}, Trainer.fit

    def noted(self, model, data, recipe, **told):
        phases[told["purpose"]], learners[told["purpose"]] = (recipe, told), model
        return fit(self, model, data, recipe, **told)

    monkeypatch.setattr(Trainer, "fit", noted)
    engine = Engine(device="cpu", precision="fp32", compile=False, checkpoint_every=0, evaluate_every=1)
    own = {"sharpening": 0.4, "semi_schedule": "cosine", "ssl_epochs": 2, "warmup_epochs": 1}
    for mirror in (False, True):
        trainer = Trainer(engine, Augmentation(crop_padding=2, horizontal_flip=mirror))
        method = DBD(**{**SETTINGS, **own})
        model = method.defend(make_view(make_set, trainer)).model
        assert learners["dbd-ssl"].classifier is model
        assert learners["dbd-warmup"].module is learners["dbd-semi"].module is model
        assert list(phases) == ["dbd-ssl", "dbd-warmup", "dbd-semi"]
        assert all(told["seed"] == 3 for _, told in phases.values())
        recipe, told = phases["dbd-ssl"]
        assert recipe == sgd(2, 16, 0.05, momentum=0.9, weight_decay=0.0001, schedule="cosine")
        assert told["objective"] == SimCLR(method.views, mirror, 0.5)
        assert told["augment"] is False, "the views are augmented, and the same way twice"
        recipe, told = phases["dbd-warmup"]
        assert recipe == adam(1, 8, 0.01, "constant")
        assert told.get("augment", True) is True
        recipe, told = phases["dbd-semi"]
        assert recipe == adam(1, 8, 0.002, "cosine")
        mixing = told["objective"]
        assert (mixing.temperature, mixing.alpha, mixing.weight, mixing.classes) == (0.4, 0.75, 15, 4)
        assert told["augment"] is False, "images are varied where they are guessed and mixed"


def test_losses_of_the_split_are_symmetric_cross_entropies(make_set, trainer) -> None:
    view = make_view(make_set, trainer)
    _, losses = DBD(**SETTINGS)._split(view.model, view)
    log_p = trainer.logits(view.model, view.train.inputs).double().log_softmax(1)
    own = log_p.gather(1, view.train.labels[:, None])[:, 0]
    torch.testing.assert_close(losses, -0.1 * own - math.log(1e-4) * (1 - own.exp()))


def test_the_authors_steps_are_the_budget_of_the_papers_data_sets(params) -> None:
    for name, steps in {"cifar10": 1024, "gtsrb": 1024, "digits": None, "fashion_mnist": None}.items():
        chosen = resolve(
            change(params, dataset=name, defense="dbd", model="preactresnet18")
        ).defending.defense
        assert chosen.params["semi_steps"] == steps
