"""Defenses of images on texts: they start anew from published weights, and prune what a BERT has to prune."""

from typing import Any

import pytest
import torch
from helpers.training import engine, recipe
from torch.nn import functional as F

from backdoor_pipeline.data.sources.made_reviews import MadeReviews
from backdoor_pipeline.data.spec import TextSpec
from backdoor_pipeline.data.texts import Texts, TextSet
from backdoor_pipeline.defenses import DEFENSES, DefenderView
from backdoor_pipeline.defenses.methods.abl import ABL
from backdoor_pipeline.defenses.methods.ac import ActivationClustering
from backdoor_pipeline.defenses.methods.fp import FinePruning
from backdoor_pipeline.defenses.methods.spectral import SpectralSignatures
from backdoor_pipeline.defenses.parts.inner_neurons import InnerNeurons
from backdoor_pipeline.experiment.resolve import defense_of
from backdoor_pipeline.models import TextClassifier, build_model, model_options
from backdoor_pipeline.training import Trainer

SPEC = TextSpec(kind="text", name="x", source="made_reviews", options={}, num_classes=2, length=32)
RUN = Trainer(engine(), None)
STILL = recipe(epochs=1, optimizer="adamw", lr=1e-12, momentum=0, weight_decay=0)
CLUSTERING = {
    "dimensions": 2, "reduction": "pca", "starts": 2, "rule": "size", "avoidance": 0.5, "significance": 0.05,
    "size_threshold": 0.5, "silhouette_threshold": 0.1, "reclassification_threshold": 1,
}  # fmt: skip


def tiny(seed: int = 0) -> TextClassifier:
    options = model_options("tiny_bert", {"pretrained": None})
    model = build_model("tiny_bert", seed=seed, options=options, num_classes=2, length=32)
    assert isinstance(model, TextClassifier)
    return model


def reviews(count: int) -> TextSet:
    made = MadeReviews().read(SPEC, [], "train").subset(torch.arange(count))
    assert isinstance(made, TextSet)
    return made


def view(build: Any = None, model: TextClassifier | None = None) -> DefenderView:
    """A defender of an untrained model, with 60 sentences of which 40 are trusted."""
    data = reviews(60)
    clean = data.subset(torch.arange(40))
    return DefenderView(model or tiny(), data, clean, RUN, seed=3, build=build)  # type: ignore[arg-type]


def abl(**changes: Any) -> ABL:
    settings = {
        "loss": "flooding", "loss_level": 0.5, "isolation_ratio": 0.1, "averaged_epochs": 1,
        "tuning_epochs": 1, "finetuning_epochs": 1, "batch_size": 16, "lr": 0.001,
        "unlearning": "paper", "unlearning_epochs": 4,
        "unlearning_batch_size": 4, "unlearning_lr": 0.001, "allowed_cost": None, "kept": "per_class",
        "kept_share": 0.5, "kept_weight": 2, "kept_batch_size": 8, "recovery_epochs": 1, "recovery_lr": 0.001,
        "momentum": 0.9, "weight_decay": 0, "optimizer": "adamw", "clip_norm": 1.0,
    }  # fmt: skip
    return ABL.model_validate(settings | changes)


@pytest.mark.parametrize(
    "defense",
    [
        ActivationClustering(**CLUSTERING, recipe=STILL),
        SpectralSignatures(center="class", percentile=85, assumed_ratio=None, recipe=STILL),
        abl(lr=1e-12, unlearning_lr=1e-12),
    ],
    ids=lambda defense: defense.name,
)
def test_a_new_model_starts_where_the_victims_did(defense) -> None:
    start = tiny(seed=7)
    made = defense.defend(view(build=lambda _: tiny(seed=7)))
    assert made.suspicion is not None
    assert 0 < made.suspicion.flagged.sum() < 60
    for name, weight in made.model.state_dict().items():
        assert torch.allclose(weight.float(), start.state_dict()[name].float(), atol=1e-6), name


def test_without_a_builder_a_new_model_still_reads() -> None:
    given = view()
    new = given.new_model(seed=5)
    assert isinstance(new, TextClassifier)
    assert torch.equal(
        new.encode(Texts(("the plot is dull .",))), given.model.encode(Texts(("the plot is dull .",)))
    )
    assert not torch.equal(new.head.weight, given.model.head.weight)


@pytest.mark.parametrize("unlearning", ["paper", "joint"])
def test_abl_unlearns_sentences(unlearning) -> None:
    made = abl(unlearning=unlearning, lr=0.01, tuning_epochs=2, unlearning_epochs=6).defend(view(build=tiny))
    assert made.metrics["isolated"] == 6
    assert made.metrics["isolated_loss_after"] > made.metrics["isolated_loss_before"]


def test_abl_trains_texts_as_their_victims_are_trained(params) -> None:
    texts = {"dataset": "made_reviews", "model": "tiny_bert", "attack": "word"}
    made, usual = defense_of("abl", {**params, **texts}), defense_of("abl", params)
    assert isinstance(made, ABL)
    assert isinstance(usual, ABL)
    phase = made._recipe(3)
    assert (phase.optimizer, phase.clip_norm, phase.lr, phase.weight_decay) == ("adamw", 1, 0.001, 0)
    assert usual._recipe(3).optimizer == "sgd"
    assert {"optimizer", "clip_norm"} <= set(made.model_dump())
    assert not {"optimizer", "clip_norm"} & set(usual.model_dump()), "artefacts of images are named as ever"
    assert ABL.model_validate(usual.model_dump()) == usual


def test_the_activity_of_neurons_is_their_mean_after_the_gelu_over_tokens_alone() -> None:
    model, texts = tiny().eval(), Texts(("the plot is dull .", "warm", "the cast is not moving at all ."))
    seen: list[torch.Tensor] = []
    model.backbone.layers[-1].widen.register_forward_hook(lambda _, __, out: seen.append(F.gelu(out)))
    for one in range(len(texts)):
        model(model.encode(texts[one : one + 1]))  # alone, none is padded
    expected = torch.cat(seen).mean(0)
    assert torch.allclose(InnerNeurons(RUN, model).activity(texts), expected, atol=1e-5)


def test_accuracies_are_those_of_a_model_without_the_neurons() -> None:
    model, data = tiny(seed=2), reviews(200)
    RUN.fit(model, data, recipe(epochs=2, optimizer="adamw", lr=0.003, momentum=0), seed=0)
    last = InnerNeurons(RUN, model)
    order = torch.randperm(128, generator=torch.Generator().manual_seed(0))
    accuracies = last.accuracies_while_pruning(data.inputs, data.labels, order)
    assert len(accuracies) == 128
    for count in (0, 1, 40, 90, 127):
        pruned = tiny()
        pruned.load_state_dict(model.state_dict())
        with torch.no_grad():
            pruned.get_parameter(last.weight)[:, order[:count]] = 0
        right = (RUN.predict(pruned, data.inputs) == data.labels).double().mean().item()
        assert accuracies[count] == pytest.approx(right)


def test_fp_prunes_neurons_and_none_grows_again() -> None:
    tuned = recipe(epochs=2, optimizer="adamw", lr=0.003, momentum=0, weight_decay=0.1)
    given = view()
    before = given.model.head.weight.detach().clone()
    made = FinePruning(tolerance=1 - 1e-6, held_out=0.25, recipe=tuned).defend(given)
    narrow = made.model.get_parameter("backbone.layers.1.narrow.weight")
    assert made.metrics["channels"] == 128
    assert made.metrics["pruned"] > 0
    assert int((narrow == 0).all(0).sum()) == made.metrics["pruned"]
    assert not torch.equal(made.model.head.weight, before), "all else is tuned"
    candidates = made.diagnostics.candidates
    assert candidates is not None
    assert set(candidates.weights[0]) == {"backbone.layers.1.narrow.weight"}
    assert len(candidates.values) <= 11


def test_each_defense_of_images_alone_says_why() -> None:
    of_texts = {name for name in DEFENSES.names() if name != "none" and "text" in DEFENSES[name].kinds}
    assert of_texts >= {"abl", "ac", "fp", "ft", "onion", "spectral"}
    for name in ("anp", "dbd", "nad", "nc"):
        assert DEFENSES[name].why_images, name
