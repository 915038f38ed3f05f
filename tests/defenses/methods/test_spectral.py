import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.defenses.base import DefenderView
from backdoor_pipeline.defenses.methods.spectral import SpectralSignatures, outlier_scores
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Recipe

RECIPE = Recipe(
    epochs=1, batch_size=8, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip


def spectral(percentile: float = 85, assumed_ratio: float | None = None) -> SpectralSignatures:
    return SpectralSignatures(percentile=percentile, assumed_ratio=assumed_ratio, recipe=RECIPE)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_scores_by_hand() -> None:
    # centered on (10, 5): -3, 0, 3 along the first axis, 1, -2, 1 along the second: the first varies more
    features = torch.tensor([[7.0, 6.0], [10.0, 3.0], [13.0, 6.0]])
    assert torch.allclose(outlier_scores(features), torch.tensor([9.0, 0.0, 9.0]), atol=1e-5)


@given(rows=st.integers(2, 40), dimensions=st.integers(1, 30), shift=st.floats(-100, 100))
def test_scores_are_those_of_an_svd(rows: int, dimensions: int, shift: float) -> None:
    features = noise(rows, dimensions) * torch.linspace(1, 3, dimensions) + shift
    centered = features.double().numpy() - features.double().numpy().mean(0)
    top = np.linalg.svd(centered)[2][0]
    assert np.allclose(outlier_scores(features).numpy(), (centered @ top) ** 2, atol=1e-3)


def test_a_planted_direction_is_found_whatever_the_mean() -> None:
    features = noise(200, 16) + 50  # without centering the mean would be the top direction
    features[:20, 3] += 8
    labels = torch.zeros(200, dtype=torch.int64)
    suspicion = spectral().inspect(features, labels)
    assert suspicion.flagged[:20].all()
    assert suspicion.flagged.sum() == 30  # 15 % of 200
    assert suspicion.scores[:20].min() > suspicion.scores[20:].max()


@pytest.mark.parametrize(
    ("percentile", "counts"), [(85, [15, 6, 0, 0]), (50, [50, 20, 1, 0]), (0, [100, 40, 3, 1])]
)
def test_the_percentile_counts_within_each_class(percentile: float, counts: list[int]) -> None:
    sizes = [100, 40, 3, 1]
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(sizes))
    flagged = spectral(percentile).inspect(noise(144, 8), labels).flagged
    found = [int(flagged[labels == k].sum()) for k in range(4)]
    if percentile == 50:
        counts[2:] = [2, 0]  # 1.5 rows: round half to even
    assert found == counts


def test_the_assumed_ratio_counts_in_the_whole_set_and_spares_half_of_each_class() -> None:
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor([300, 90, 10]))
    flagged = spectral(assumed_ratio=0.05).inspect(noise(400, 8), labels).flagged
    # 1.5 * 0.05 * 400 = 30 of each class, but half of ten is five
    assert [int(flagged[labels == k].sum()) for k in range(3)] == [30, 30, 5]


def test_the_highest_scores_of_a_class_are_flagged() -> None:
    labels = torch.arange(60) % 2
    suspicion = spectral().inspect(noise(60, 4) * (1 + 9 * labels[:, None]), labels)
    for k in (0, 1):
        scores, flagged = suspicion.scores[labels == k], suspicion.flagged[labels == k]
        assert scores[flagged].min() >= scores[~flagged].max()


def test_equal_features_score_nothing() -> None:
    suspicion = spectral().inspect(torch.ones(10, 4), torch.zeros(10, dtype=torch.int64))
    assert torch.equal(suspicion.scores, torch.zeros(10))


def test_the_new_model_is_trained_without_the_flagged_rows(make_set, trainer) -> None:
    suspect = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    train = make_set(rows=80)
    defended = spectral().defend(DefenderView(suspect, train, train, trainer, 0))
    assert defended.suspicion is not None
    assert defended.metrics["rows_removed"] == 12  # 15 % of 20, in each of four classes
    assert defended.suspicion.flagged.sum() == 12
    assert len(defended.history) == RECIPE.epochs
    assert defended.model is not suspect
