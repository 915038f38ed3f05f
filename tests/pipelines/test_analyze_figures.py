"""Every figure of models and images draws, whatever the experiment; every setting is read."""

import json
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.pipelines import choices, splits
from helpers.pipelines import shown as told_of

from backdoor_pipeline.analysis.scoring import prediction_frame
from backdoor_pipeline.attacks.poisoning import Poison
from backdoor_pipeline.attacks.trigger import NoTrigger
from backdoor_pipeline.data.poisoned import PoisonedRows
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.pipelines.analyze import create_pipeline, explaining, featuring, nodes, shown

MAPS = ("grad_cam", "full_grad", "shapley", "frequency")
FEATURES = ("tsne", "umap", "activations", "tac")
SMALL = {"explained_images": 2, "shapley_cells": 2, "shapley_orders": 2, "feature_images": 12}


def model(name="resnet8", channels=3, size=32, seed=0):
    made = build_model(
        name, num_classes=4, channels=channels, image_size=size, mean=(0.5,) * channels,
        std=(0.5,) * channels, seed=seed, options=ModelOptions(pretrained=None),
    )  # fmt: skip
    if name == "vit_b_16":
        made.backbone.encoder.layers = made.backbone.encoder.layers[:1]  # the others do the same, slowly
        torch.nn.init.normal_(made.head.weight)
    return made


def test_other_processes_can_be_handed_every_node() -> None:
    for node in create_pipeline().nodes:
        assert ForkingPickler.loads(ForkingPickler.dumps(node)).func is node.func


def triggered(test, target=0):
    """The test images that are not of the target class, with a white corner."""
    index = (test.labels != target).nonzero().squeeze(1)
    images = test.images[index].clone()
    images[..., -3:, -3:] = 255
    labels = torch.full_like(index, target)
    return PoisonedRows(index, images, labels, test.labels[index], torch.zeros_like(index, dtype=torch.int8))


@pytest.fixture
def scene(make_set):
    """Makes what the nodes are given."""

    def make(attack="badnets", defense="ft", name="resnet8", channels=3, size=32, rows=24, **settings):
        test = make_set(rows=rows, channels=channels, size=size)
        changed = triggered(test) if attack != "none" else PoisonedRows.empty((channels, size, size))
        before, after = (model(name, channels, size, seed) for seed in (0, 1))
        won = torch.where(torch.arange(len(changed)) % 2 == 0, changed.labels, changed.true_labels)
        predictions = prediction_frame(
            test, changed, before=(test.labels, won), after=(test.labels, changed.true_labels)
        )
        made = Poison(changed, changed, NoTrigger())
        told = told_of({"attack": attack, "defense": defense, "model": name}, **SMALL | settings)
        rest = (before, after, told)
        return {
            "maps": (splits(None, test), made, predictions, *rest),
            "features": (splits(None, test), made, *rest),
        }

    return make


def draw(scene, name):
    if name in MAPS:
        return getattr(explaining, f"draw_{name}")(*scene["maps"])
    return getattr(featuring, f"draw_{name}")(*scene["features"])


@pytest.mark.parametrize(
    "experiment",
    [
        {"attack": "none"},
        {"defense": "none", "channels": 1, "size": 28},
        {"name": "vit_b_16", "rows": 8, "feature_images": 10, "explained_images": 1, "shapley_orders": 1},
    ],
    ids=["no attack", "gray 28, no defense", "transformer"],
)
def test_all_draw(scene, experiment, monkeypatch) -> None:
    for name in ("tsne", "umap"):  # seconds each, and tested where they are
        monkeypatch.setattr(featuring, name, lambda features, **_: features[:, :2])
    made = scene(**experiment)
    for name in (*MAPS, *FEATURES):
        figure = draw(made, name)
        assert figure.png.startswith(b"\x89PNG")
        json.dumps(figure.plotly, allow_nan=False)
        assert ("no attack" if experiment.get("attack") == "none" else "badnets 25%") in figure.title
        if experiment.get("attack") == "none" and name == "tac":
            assert figure.table.empty, "there is no trigger"
            continue
        models = {"no defense"} if experiment.get("defense") == "none" else {"before defense", "after ft"}
        assert set(figure.table["model"]) == models, name
        if "shown" in figure.table:
            versions = {"clean"} if experiment.get("attack") == "none" else {"clean", "triggered"}
            assert set(figure.table["shown"]) == versions, name


def test_the_images_explained_are_those_that_the_trigger_alone_misled(scene) -> None:
    clean, made, predictions, *_ = scene()["maps"]
    test, changed = clean.test, made.test
    wrong_anyway = changed.index[0].item()
    predictions.loc[(predictions["set"] == "clean") & (predictions["index"] == wrong_anyway), "before"] = 0
    won = set(changed.index[::2].tolist()) - {wrong_anyway}
    picked = [shown.explained_images(test, changed, predictions, choices(seed=seed), 4) for seed in range(9)]
    assert {index for one in picked for index in one.index.tolist()} == won
    for one in picked:
        assert torch.equal(one.versions["clean"], test.images[one.index])
        assert torch.equal(one.true_labels, test.labels[one.index])
        assert (one.versions["triggered"][..., -3:, -3:] == 255).all()
        assert torch.equal(one.versions["triggered"][..., :-3, :], one.versions["clean"][..., :-3, :])


def test_where_the_attack_never_succeeded_others_are_explained(scene) -> None:
    clean, made, predictions, *_ = scene()["maps"]
    test, changed = clean.test, made.test
    failed = predictions.assign(before=predictions["true_label"])
    chosen = shown.explained_images(test, changed, failed, choices(), 4)
    assert len(chosen.index) == 4
    assert (chosen.true_labels != 0).all(), "class 0 is the target"


def test_pairs_are_the_same_images_and_leave_the_target_class_out(scene) -> None:
    clean, made, *_ = scene()["features"]
    test, changed = clean.test, made.test
    with_target = PoisonedRows(
        torch.arange(24), test.images.clone(), torch.zeros(24, dtype=torch.int64), test.labels,
        torch.zeros(24, dtype=torch.int8),
    )  # fmt: skip
    both = shown.pairs(test, with_target, choices(), 100)
    assert len(both["clean"]) == 18, "six of 24 are of class 0"
    assert torch.equal(both["clean"], both["triggered"])
    assert len(shown.pairs(test, changed, choices(), 5)["triggered"]) == 5


def test_every_setting_is_read(scene) -> None:
    few = draw(scene(explained_images=1, shapley_cells=5, shapley_orders=1), "shapley").table
    more = draw(scene(explained_images=3, shapley_cells=5, shapley_orders=4), "shapley").table
    assert (few["image"].nunique(), more["image"].nunique()) == (1, 3)
    assert few["row"].max() == 4
    columns = ["image", "shown", "model", "row", "column"]
    both = few.merge(more, on=columns)
    assert len(both) == len(few)
    assert not np.allclose(both["value_x"], both["value_y"], atol=1e-4)


@pytest.mark.parametrize(("name", "setting"), [("tsne", "perplexity"), ("umap", "neighbors")])
def test_embeddings_are_told_their_settings(scene, monkeypatch, name, setting) -> None:
    asked = []

    def spy(features, **settings):
        asked.append((len(features), settings))
        return features[:, :2]

    monkeypatch.setattr(featuring, name, spy)
    draw(scene(feature_images=20, **{f"{name}_{setting}": 7}), name)
    assert asked == [(25, {setting: 7, "seed": 0})] * 2, "a triggered image for every four clean ones"


def test_the_control_of_stealth_and_the_numbers_of_an_attack() -> None:
    nothing = nodes.draw_stealth({"seconds": 0.0}, told_of({"attack": "none"}))
    assert nothing.table.empty
    measured = dict.fromkeys(("psnr", "ssim", "l2", "linf", "unchanged"), 0.5)
    assert len(nodes.draw_stealth(measured, told_of()).table) == 1


def test_the_same_experiment_draws_the_same(scene) -> None:
    for name in ("shapley", "tac"):
        first, again = (draw(scene(), name) for _ in range(2))
        assert first.png == again.png
        pd.testing.assert_frame_equal(first.table, again.table)


def test_all_methods_explain_the_same_images(scene) -> None:
    images = [set(draw(scene(defense="none"), name).table["image"]) for name in MAPS]
    assert all(one == images[0] for one in images)
