from copy import deepcopy

import pytest
import torch
from helpers.tiny_backdoor import BLUE, GREEN, RED, classifier, color_images, color_network, triggered
from torch import Tensor, nn

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods.anp import AdversarialNeuronPruning
from backdoor_pipeline.defenses.parts.held_out import split_clean
from backdoor_pipeline.defenses.parts.min_max import MinMax
from backdoor_pipeline.defenses.parts.neuron_masks import NeuronMasks
from backdoor_pipeline.models.build import assemble
from backdoor_pipeline.models.classifier import ModelDescription

DEFENSE = AdversarialNeuronPruning(
    epsilon=0.4, steps=1, alpha=0.2, lr=0.2, momentum=0.9, iterations=10, batch_size=16,
    highest_threshold=0.9, threshold_step=0.05, tolerance=0.1, held_out=0.25,
)  # fmt: skip
MASKS = {"backbone.0": torch.tensor([0.9, 0.5, 0.1])}  # red, green, blue


@pytest.fixture
def view(trainer) -> DefenderView:
    """A model whose blue channel is the backdoor, and clean images; no training set."""
    return DefenderView(classifier(color_network()), None, color_images(40), trainer, seed=1)  # type: ignore[arg-type]


@pytest.fixture
def known_masks(monkeypatch) -> None:
    monkeypatch.setattr(AdversarialNeuronPruning, "_learn_masks", lambda *_: (MASKS, []))


def with_blue_noise(data: ImageSet) -> ImageSet:
    """As photographs have a little of everything: too little blue to be taken for the trigger."""
    images, draws = data.images.clone(), torch.Generator().manual_seed(0)
    images[:, BLUE] = torch.randint(0, 6, images[:, BLUE].shape, generator=draws).to(torch.uint8)
    return ImageSet(images, data.labels, data.classes)


def state(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_the_highest_tolerable_threshold_is_chosen(view, known_masks) -> None:
    defended = DEFENSE.defend(view)
    # by hand: above 0.1 blue goes, which costs nothing, above 0.5 green, which costs half the images
    assert defended.metrics == {"threshold": 0.5, "pruned": 1, "channels": 3, "held_out_accuracy": 1.0}
    curve = defended.diagnostics.curve
    assert curve.chosen == 0.5
    assert curve.columns["threshold"] == [round(0.05 * i, 2) for i in range(19)]
    assert curve.columns["pruned_channels"] == [0.0] * 3 + [1.0] * 8 + [2.0] * 8
    assert curve.columns["held_out_accuracy"] == [1.0] * 11 + [0.5] * 8
    images = color_images(20).images
    assert view.trainer.predict(defended.model, triggered(images)).tolist() == [0, 1] * 10


def test_only_the_pruned_weight_changes_and_its_channel_is_its_bias(view, known_masks) -> None:
    with torch.no_grad():
        view.model.backbone[0].bias.copy_(torch.tensor([0.0, 0.0, 0.01]))
    before = state(view.model)
    model = DEFENSE.defend(view).model
    assert model.backbone[0].weight.tolist() == [1, 1, 0]
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"backbone.0.weight"}
    channels = model.backbone[0](torch.rand(5, 3, 4, 4))
    assert torch.equal(channels[:, BLUE], torch.full((5, 4, 4), 0.01))
    assert channels[:, [RED, GREEN]].std() > 0.1


def test_candidates_are_the_different_prunings_and_rebuild_the_chosen_model(view, known_masks) -> None:
    suspect = deepcopy(view.model)
    defended = DEFENSE.defend(view)
    candidates = defended.diagnostics.candidates
    assert (candidates.setting, list(candidates.values), candidates.chosen) == (
        "threshold",
        [0.0, 0.15, 0.55],
        1,
    )
    weights = [one.get("backbone.0.weight", torch.ones(3)).tolist() for one in candidates.weights]
    assert weights == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
    suspect.load_state_dict({**suspect.state_dict(), **candidates.weights[candidates.chosen]})
    rebuilt = state(suspect)
    assert all(torch.equal(tensor, rebuilt[name]) for name, tensor in defended.model.state_dict().items())


def test_only_held_out_labels_decide(view, known_masks, monkeypatch) -> None:
    from backdoor_pipeline.defenses.methods import anp

    def split(clean, share, seed, purpose):
        wrong = clean.subset(torch.arange(30))
        return ImageSet(wrong.images, 1 - wrong.labels, wrong.classes), clean.subset(torch.arange(30, 40))

    monkeypatch.setattr(anp, "split_clean", split)
    assert DEFENSE.defend(view).metrics["threshold"] == 0.5


def test_where_nothing_may_go_the_model_stays(view, monkeypatch) -> None:
    masks = {"backbone.0": torch.tensor([0.0, 0.0, 0.0])}
    monkeypatch.setattr(AdversarialNeuronPruning, "_learn_masks", lambda *_: (masks, []))
    before = state(view.model)
    defended = DEFENSE.defend(view)
    assert (defended.metrics["threshold"], defended.metrics["pruned"]) == (0.0, 0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in defended.model.state_dict().items())


def test_masks_end_in_the_unit_interval_whatever_the_rate(view, monkeypatch) -> None:
    kept = []
    original = NeuronMasks.by_layer
    monkeypatch.setattr(
        NeuronMasks, "by_layer", lambda self, tensor: kept.append(tensor) or original(self, tensor)
    )
    noisy = DefenderView(view.model, view.train, with_blue_noise(view.clean), view.trainer, view.seed)
    defended = DEFENSE.model_copy(update={"lr": 50.0}).defend(noisy)
    assert torch.all((kept[-1] >= 0) & (kept[-1] <= 1))
    assert (kept[-1] == 0).any(), "a rate this high drives masks to the bound"
    # 30 images are 2 whole batches of 16, so 10 iterations are 5 epochs
    assert [row["epoch"] for row in defended.history] == [1, 2, 3, 4, 5]
    assert all(0 <= row["mean_mask"] <= 1 for row in defended.history)


def test_masks_are_learned_from_the_tuning_part_by_the_settings(view, monkeypatch) -> None:
    told, fit = [], type(view.trainer).fit

    def noted(self, model, data, recipe, **settings):
        told.append((data, recipe, settings))
        return fit(self, model, data, recipe, **settings)

    monkeypatch.setattr(type(view.trainer), "fit", noted)
    tuning, _ = split_clean(view.clean, 0.25, view.seed, "anp")
    _, history = DEFENSE._learn_masks(view, tuning)
    ((data, recipe, settings),) = told
    assert (recipe.optimizer, recipe.lr, recipe.momentum, recipe.weight_decay) == ("sgd", 0.2, 0.9, 0)
    assert (recipe.schedule, recipe.epochs, recipe.batch_size) == ("constant", 5, 16)
    assert settings["objective"] == MinMax(epsilon=0.4, steps=1, alpha=0.2)
    assert settings["seed"] == view.seed
    more = data.labels.bincount() - tuning.labels.bincount()
    assert more.min() >= 0
    assert more.sum() == 2, "of 30 images two come twice"
    assert len(history) == 5


def test_every_batch_is_whole(view, monkeypatch) -> None:
    sizes = []
    original = NeuronMasks.forward

    def forward(self, images, noise=None):
        sizes.append(len(images))
        return original(self, images, noise)

    monkeypatch.setattr(NeuronMasks, "forward", forward)
    DEFENSE.defend(view)
    assert set(sizes) == {16}


def test_the_same_seed_gives_the_same_model(view) -> None:
    first = DEFENSE.defend(DefenderView(deepcopy(view.model), view.train, view.clean, view.trainer, 3))
    torch.rand(5)
    second = DEFENSE.defend(DefenderView(deepcopy(view.model), view.train, view.clean, view.trainer, 3))
    assert [row["loss"] for row in first.history] == [row["loss"] for row in second.history]


def test_a_model_without_normalization_is_refused_and_others_are_named(view) -> None:
    description = ModelDescription(
        name="vgg19", num_classes=2, channels=3, image_size=32, mean=(0.0,) * 3, std=(1.0,) * 3, options={}
    )
    with torch.device("meta"):
        vgg = assemble(description)
    with pytest.raises(UserError, match="vgg19 has none") as caught:
        DEFENSE.defend(DefenderView(vgg, view.train, view.clean, view.trainer, 0))
    able = str(caught.value).rstrip(".").split("one of ")[1].split(", ")
    assert {"vgg19_bn", "resnet8", "preactresnet18", "densenet161", "vit_b_16", "convnext_tiny"} <= set(able)
    assert "vgg19" not in able


def test_the_backdoor_channel_is_found_and_pruned_from_clean_images_alone(view) -> None:
    images = color_images(20).images
    assert view.trainer.predict(view.model, triggered(images)).tolist() == [0] * 20
    noisy = DefenderView(view.model, view.train, with_blue_noise(view.clean), view.trainer, view.seed)
    defended = DEFENSE.model_copy(update={"iterations": 60}).defend(noisy)
    weight = defended.model.backbone[0].weight
    assert weight[BLUE] == 0
    assert weight[[RED, GREEN]].tolist() == [1, 1]
    assert view.trainer.predict(defended.model, images).tolist() == [0, 1] * 10
    assert view.trainer.predict(defended.model, triggered(images)).tolist() == [0, 1] * 10
