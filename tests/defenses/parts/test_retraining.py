from dataclasses import replace

import pytest
import torch

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.parts.retraining import retrain_without
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Recipe, Trainer

RECIPE = Recipe(
    epochs=1, batch_size=8, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip


def view_of(train, trainer, seed: int = 3) -> DefenderView:
    suspect = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=seed,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    return DefenderView(suspect, train, train.subset(torch.arange(4)), trainer, seed)


def test_only_rows_that_are_not_flagged_with_their_given_labels(make_set, trainer, monkeypatch) -> None:
    train, seen = make_set(rows=20), []
    fit = Trainer.fit
    monkeypatch.setattr(
        Trainer, "fit", lambda self, m, data, *a, **k: seen.append(data) or fit(self, m, data, *a, **k)
    )
    flagged = torch.zeros(20, dtype=torch.bool)
    flagged[[0, 5, 19]] = True
    retrain_without(flagged, view_of(train, trainer), RECIPE, "ac")
    kept = [row for row in range(20) if row not in (0, 5, 19)]
    assert torch.equal(seen[0].images, train.images[kept])
    assert torch.equal(seen[0].labels, train.labels[kept])


def test_without_any_row_there_is_nothing_to_train(make_set, trainer) -> None:
    with pytest.raises(UserError, match="ac suspects all 20 training samples"):
        retrain_without(torch.ones(20, dtype=torch.bool), view_of(make_set(rows=20), trainer), RECIPE, "ac")


def test_it_starts_from_what_the_view_builds(make_set, trainer) -> None:
    view = view_of(make_set(rows=20), trainer)
    built = []

    def build(seed: int):
        built.append(view_of(make_set(rows=4), trainer, seed=9).model)
        return built[-1]

    none = torch.zeros(20, dtype=torch.bool)
    trained, _ = retrain_without(none, replace(view, build=build), RECIPE, "ac")
    assert trained is built[0]


def test_a_new_model_of_its_own_weights_and_the_suspect_is_left_alone(make_set, trainer) -> None:
    view = view_of(make_set(rows=20), trainer)
    before = {name: value.clone() for name, value in view.model.state_dict().items()}
    none = torch.zeros(20, dtype=torch.bool)
    one, history = retrain_without(none, view, RECIPE, "ac")
    again, _ = retrain_without(none, view, RECIPE, "ac")
    other, _ = retrain_without(none, view, RECIPE, "spectral")
    assert [row["epoch"] for row in history] == [1]
    assert one.description == view.model.description
    for (name, weight), same, different in zip(
        one.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(weight, same)
        assert not torch.equal(weight, different), name
    assert all(torch.equal(value, before[name]) for name, value in view.model.state_dict().items())
    trained = view_of(
        make_set(rows=20), trainer
    ).model  # from the victim's own first weights it would be this one
    trainer.fit(trained, view.train, RECIPE, seed=3, purpose="ac retraining")
    assert not torch.equal(trained.head.weight, one.head.weight)
