from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods import ac as module
from backdoor_pipeline.defenses.methods.ac import ActivationClustering
from backdoor_pipeline.defenses.parts.clustering import Split
from backdoor_pipeline.defenses.parts.reclassification import Reclassified
from backdoor_pipeline.metrics.detection import best_orientation_auc, detection
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Recipe, Trainer

RECIPE = Recipe(
    epochs=1, batch_size=8, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip


def ac(**changed: Any) -> ActivationClustering:
    settings = {
        "dimensions": 10, "reduction": "pca", "starts": 10, "rule": "trusted", "avoidance": 0.25,
        "significance": 0.01, "size_threshold": 0.35, "silhouette_threshold": 0.3,
        "reclassification_threshold": 1, "recipe": RECIPE,
    }  # fmt: skip
    return ActivationClustering.model_validate({**settings, **changed})


def planted(poison: int, clean: int = 60, groups: int = 1):
    """Four classes of noise, the poison in class 2, in groups far out; 20 clean rows of each are trusted."""
    draws = torch.Generator().manual_seed(0)
    labels = torch.cat([torch.arange(4).repeat(clean), torch.full((poison,), 2)])
    features = torch.randn(len(labels), 24, generator=draws)
    poisoned = torch.zeros(len(labels), dtype=torch.bool)
    poisoned[4 * clean :] = True
    rows = torch.arange(4 * clean, len(labels))
    features[rows, rows % groups] += 15
    return features, labels, poisoned, features[:80], labels[:80]


def inspect(defense: ActivationClustering, features, labels, poisoned, trusted, trusted_labels):
    suspicion, splits = defense.inspect(features, labels, trusted, trusted_labels, seed=0)
    return detection(suspicion.flagged, poisoned, suspicion.scores), suspicion, splits


@pytest.mark.parametrize("rule", ["trusted", "size", "silhouette"])
def test_a_planted_minority_is_found(rule: str) -> None:
    found, suspicion, splits = inspect(ac(rule=rule), *planted(poison=25))
    # 25 of 85 rows of class 2 are the smaller cluster: 29 %
    assert found["tpr"] == 1
    assert found["auc"] == 1
    assert splits[2].share == pytest.approx(25 / 85)
    assert splits[2].silhouette > 0.3
    if rule != "size":  # splits of noise are uneven now and then
        assert found["fpr"] == 0
    assert suspicion.scores[suspicion.flagged].min() > suspicion.scores[~suspicion.flagged].max()


def test_a_majority_is_found_by_the_trusted_images_alone() -> None:
    case = planted(poison=90)
    assert inspect(ac(), *case)[0]["tpr"] == 1
    assert inspect(ac(), *case)[0]["fpr"] == 0
    by_silhouette = inspect(ac(rule="silhouette"), *case)[0]
    assert by_silhouette["tpr"] == 0  # the paper's rule removes the 60 clean rows of the class
    assert by_silhouette["fpr"] == pytest.approx(60 / 240)


def test_the_clusters_show_what_the_wrong_guess_hides() -> None:
    """90 poisoned rows beside 60 clean ones: the smaller cluster is the clean one."""
    case = planted(poison=90)
    found, suspicion, splits = inspect(ac(rule="size"), *case)
    assert splits[2].share == pytest.approx(60 / 150)
    poisoned, clusters = case[2], suspicion.clusters
    assert torch.equal(clusters.classes, case[1])
    assert found["auc"] < 0.3
    turned = torch.where(case[1] == 2, clusters.turned, suspicion.scores)
    best = best_orientation_auc(poisoned, suspicion.scores, clusters.classes, clusters.turned)
    assert best == detection(poisoned, poisoned, turned)["auc"] > 0.9


@pytest.mark.parametrize("rule", ["size", "silhouette", "trusted"])
def test_turned_scores_are_those_of_the_other_cluster(rule: str) -> None:
    _, labels, poisoned, *_ = case = planted(poison=25)
    _, suspicion, _ = inspect(ac(rule=rule), *case)
    # in the class that convinces either cluster has 1 more where it is blamed; `trusted` splits the rest anew
    compared = poisoned if rule == "trusted" else labels == 2
    assert torch.allclose(suspicion.clusters.turned[compared], 1 - suspicion.scores[compared], atol=1e-6)
    if rule == "trusted":
        assert torch.allclose(
            suspicion.clusters.turned[labels != 2], -suspicion.scores[labels != 2], atol=1e-6
        )


def test_with_reclassification_every_class_is_in_question_until_acquitted() -> None:
    _, labels, poisoned, *_ = case = planted(poison=25)
    defense = ac(rule="reclassification")
    found, suspicion, _ = inspect(defense, *case)
    assert found["tpr"] == 1
    assert labels[suspicion.flagged].unique().tolist() == [0, 1, 2, 3]
    legitimate, foreign = Reclassified(20, as_labeled=18, as_other=2), Reclassified(25, 3, 20)
    left = defense.acquit(suspicion, labels, {0: legitimate, 1: legitimate, 2: foreign, 3: legitimate})
    assert torch.equal(left.flagged, poisoned)
    mine = labels == 2
    assert torch.equal(left.clusters.turned[mine], suspicion.clusters.turned[mine])
    assert torch.allclose(left.clusters.turned[~mine], -left.scores[~mine], atol=1e-6)
    assert left.scores[poisoned].min() > left.scores[~poisoned].max()
    assert left.scores[~poisoned].abs().max() <= 1
    strict = ac(rule="reclassification", reclassification_threshold=10)
    kept = strict.acquit(suspicion, labels, {0: legitimate, 1: legitimate, 2: foreign, 3: legitimate})
    assert torch.equal(kept.flagged, suspicion.flagged)  # 18 / 2 is below 10 too


def test_poison_of_several_groups_is_removed_group_by_group() -> None:
    case = planted(poison=120, groups=2)
    found, _, splits = inspect(ac(), *case)
    assert found["tpr"] == 1
    assert found["fpr"] == 0
    assert splits[2].share < 120 / 180  # the first split did not have all of it


def test_of_two_clusters_that_with_fewer_trusted_images_for_its_size_is_suspected(monkeypatch) -> None:
    split = Split(
        np.arange(100) < 20, np.arange(50) < 20, np.zeros(100)
    )  # 40 % of them in a fifth of the rows
    monkeypatch.setattr(module, "split_in_two", lambda *_, **__: split)
    suspects = {
        rule: ac(rule=rule)._split(np.zeros((100, 1)), np.zeros((50, 1)), 0, 0)
        for rule in ("size", "trusted")
    }
    assert suspects["size"] is split
    assert (suspects["trusted"].share, suspects["trusted"].trusted_share) == (0.8, 0.6)


def test_the_trusted_images_of_a_removed_cluster_count_no_more(monkeypatch) -> None:
    calls: list[tuple[int, list[float]]] = []

    def split(features, trusted, *_, **__):
        calls.append((len(features), trusted[:, 0].tolist()))
        ours = np.arange(len(features)) < 40
        return Split(ours, trusted[:, 0] < 2, np.zeros(len(features))) if len(calls) == 1 else None

    monkeypatch.setattr(module, "split_in_two", split)
    known, none = torch.arange(30.0)[:, None], torch.zeros(30, dtype=torch.int64)
    found, _ = ac(avoidance=0.2).inspect(torch.zeros(100, 1), torch.zeros(100).long(), known, none, seed=0)
    assert found.flagged.nonzero().flatten().tolist() == list(range(40))
    # 2 of 30 are in a cluster of 40 %: 28 are left to judge the other 60 rows by
    assert calls == [(100, list(map(float, range(30)))), (60, list(map(float, range(2, 30))))]


@pytest.mark.parametrize(
    ("rule", "reduction"), [("trusted", "pca"), ("trusted", "ica"), ("silhouette", "pca")]
)
def test_clean_classes_lose_nothing(rule: str, reduction: str) -> None:
    found, suspicion, splits = inspect(ac(rule=rule, reduction=reduction), *planted(poison=0))
    assert found["flagged"] == 0
    assert set(splits) == {0, 1, 2, 3}
    assert suspicion.scores.abs().max() <= 1


@pytest.mark.parametrize(("trusted_there", "expected"), [(0, True), (2, True), (3, False), (12, False)])
def test_few_and_not_by_chance(trusted_there: int, expected: bool) -> None:
    halves = np.arange(10) < 5
    split = Split(halves, np.arange(24) < trusted_there, np.zeros(10))  # 12 of 24 would be as many as rows
    assert ac(avoidance=0.2).convinced(split) is expected
    assert not ac(avoidance=0.2).convinced(Split(halves, np.zeros(6, bool), np.zeros(10)))  # 1 in 64


@given(st.integers(1, 99), st.integers(1, 40), st.sampled_from([0.05, 0.005, 0.0002]))
@settings(max_examples=60, deadline=None)
def test_clean_classes_alarm_no_more_often_than_is_borne(size: int, count: int, level: float) -> None:
    """Over all ways in which trusted images may fall into clusters of this size and the rest."""
    method, alarms = ac(avoidance=0.25, significance=level), 0.0
    for there in range(count + 1):
        split = Split(np.arange(100) < size, np.arange(count) < there, np.zeros(100))
        suspect = min(split, split.other_way(), key=lambda one: one.trusted_share / one.share)
        alarms += method.convinced(suspect) * binom.pmf(there, count, size / 100)
    assert alarms <= level + 1e-12


def test_even_halves_are_no_small_cluster() -> None:
    features = torch.randn(60, 12, generator=torch.Generator().manual_seed(0))
    features[:30, 0] += 20
    labels, none = torch.zeros(60, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    for threshold in (0.35, 0.5):  # as small as the threshold is not below it
        method = ac(rule="size", size_threshold=threshold)
        suspicion, splits = method.inspect(features, labels, features[:0], none, seed=0)
        assert splits[0].share == 0.5
        assert not suspicion.flagged.any()


def test_classes_of_no_more_rows_than_dimensions_are_passed_over() -> None:
    features, labels, _, trusted, trusted_labels = planted(poison=25)
    labels = torch.where(torch.arange(len(labels)) < 10, 7, labels)
    suspicion, splits = ac().inspect(features, labels, trusted, trusted_labels, seed=0)
    assert 7 not in splits
    assert not suspicion.flagged[labels == 7].any()
    assert (suspicion.scores[labels == 7] == 0).all()


def view(make_set, trainer) -> DefenderView:
    suspect = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    return DefenderView(suspect, make_set(rows=80), make_set(rows=80), trainer, 0)


def test_a_model_without_a_suspect_class_comes_back_as_it_was(make_set, trainer) -> None:
    given = view(make_set, trainer)
    before = {name: value.clone() for name, value in given.model.state_dict().items()}
    defended = ac().defend(given)  # the trusted images are the training images: they avoid nothing
    assert defended.model is given.model
    assert all(torch.equal(value, before[name]) for name, value in defended.model.state_dict().items())
    assert defended.metrics == {"rows_removed": 0, "removed_share": 0, "classes_flagged": 0}
    assert defended.history == []


def test_flagged_rows_are_left_out_of_a_new_model(make_set, trainer) -> None:
    given = view(make_set, trainer)
    defended = ac(rule="size", size_threshold=0.5).defend(given)
    assert defended.suspicion is not None
    assert 0 < defended.metrics["rows_removed"] == defended.suspicion.flagged.sum() <= 40
    assert defended.model is not given.model
    assert len(defended.history) == RECIPE.epochs
    curve = defended.diagnostics.curve
    assert curve is not None
    assert list(curve.columns["class"]) == [0, 1, 2, 3]
    assert all(0 < share <= 0.5 for share in curve.columns["suspect_share"])


def test_reclassification_trains_without_all_suspects_then_without_the_guilty(
    make_set, trainer, monkeypatch
) -> None:
    given, sizes, fit = view(make_set, trainer), [], Trainer.fit

    def noted(self, model, data, *args, **settings):
        sizes.append(len(data))
        return fit(self, model, data, *args, **settings)

    monkeypatch.setattr(Trainer, "fit", noted)
    monkeypatch.setattr(Trainer, "predict", lambda _self, _model, images: torch.ones(len(images), dtype=int))
    defended = ac(rule="reclassification").defend(given)
    # all is classified as 1: legitimate in class 1, poison everywhere else
    assert given.train.labels[defended.suspicion.flagged].unique().tolist() == [0, 2, 3]
    columns = defended.diagnostics.curve.columns
    suspects = [round(20 * share) for share in columns["suspect_share"]]
    assert sizes == [80 - sum(suspects), 80 - sum(suspects) + suspects[1]]
    assert columns["suspects_as_labeled"] == [0, 1, 0, 0]
    assert columns["suspects_as_another"] == [1, 0, 1, 1]
    assert defended.metrics["classes_flagged"] == 3
    assert defended.metrics["removed_share"] == (sum(suspects) - suspects[1]) / 80


def test_the_papers_reduction_is_the_default_with_many_starts(params) -> None:
    block = params["defenses"]["ac"]
    assert (block["reduction"], block["rule"], block["starts"]) == ("ica", "size", 50)
