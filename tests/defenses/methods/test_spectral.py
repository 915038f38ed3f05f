import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from backdoor_pipeline.base.errors import UserError
from backdoor_pipeline.data.images import ImageSet
from backdoor_pipeline.defenses.base import Defended, DefenderView, Suspicion
from backdoor_pipeline.defenses.methods import spectral as spectral_module
from backdoor_pipeline.defenses.methods.spectral import SpectralSignatures, outlier_scores
from backdoor_pipeline.metrics.detection import detection
from backdoor_pipeline.models import ModelOptions, build_model
from backdoor_pipeline.training import Recipe

RECIPE = Recipe(
    epochs=1, batch_size=8, optimizer="sgd", lr=0.05, momentum=0.9, betas=(0.9, 0.999), weight_decay=0.0005,
    schedule="cosine", milestones=(), gamma=0.1, patience=1,
)  # fmt: skip


NO_LABELS = torch.zeros(0, dtype=torch.int64)


def spectral(
    percentile: float = 85, assumed_ratio: float | None = None, center: str = "class"
) -> SpectralSignatures:
    settings = {"center": center, "percentile": percentile, "assumed_ratio": assumed_ratio, "recipe": RECIPE}
    return SpectralSignatures.model_validate(settings)


def inspect(defense: SpectralSignatures, features: torch.Tensor, labels: torch.Tensor) -> Suspicion:
    """Without trusted images."""
    return defense.inspect(features, labels, features[:0], NO_LABELS)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_scores_by_hand() -> None:
    # centered on (10, 5): -3, 0, 3 along the first axis, 1, -2, 1 along the second: the first varies more
    features = torch.tensor([[7.0, 6.0], [10.0, 3.0], [13.0, 6.0]])
    assert torch.allclose(
        outlier_scores(features, features.mean(0)), torch.tensor([9.0, 0.0, 9.0]), atol=1e-5
    )
    # on (7, 6): 0, 3, 6 and 0, -3, 0, whose Gram matrix [[45, -9], [-9, 9]] has the larger eigenvalue
    # 27 + 9 * 5^.5 for the direction (1, 2 - 5^.5), of squared length 10 - 4 * 5^.5
    by_hand = [0.0, (3 - 3 * (2 - 5**0.5)) ** 2 / (10 - 4 * 5**0.5), 36 / (10 - 4 * 5**0.5)]
    assert outlier_scores(features, features[0]).tolist() == pytest.approx(by_hand, abs=1e-4)


@given(rows=st.integers(2, 40), dimensions=st.integers(1, 30), shift=st.floats(-100, 100))
def test_scores_are_those_of_an_svd(rows: int, dimensions: int, shift: float) -> None:
    features = noise(rows, dimensions) * torch.linspace(1, 3, dimensions) + shift
    centered = features.double().numpy() - features.double().numpy().mean(0)
    top = np.linalg.svd(centered)[2][0]
    assert np.allclose(outlier_scores(features, features.mean(0)).numpy(), (centered @ top) ** 2, atol=1e-3)


def test_a_planted_direction_is_found_whatever_the_mean() -> None:
    features = noise(200, 16) + 50  # without centering the mean would be the top direction
    features[:20, 3] += 8
    labels = torch.zeros(200, dtype=torch.int64)
    suspicion = inspect(spectral(), features, labels)
    assert suspicion.flagged[:20].all()
    assert suspicion.flagged.sum() == 30  # 15 % of 200
    assert suspicion.scores[:20].min() > suspicion.scores[20:].max()


def test_some_rows_have_to_stay() -> None:
    spectral(85).require_images(3, 1)
    spectral(0, assumed_ratio=0.99).require_images(3, 1)  # which takes half of a class at most
    with pytest.raises(UserError, match="percentile 0 removes all of 144 samples: raise it"):
        spectral(0).require_images(144, 1)


@pytest.mark.parametrize(
    ("percentile", "counts"), [(85, [15, 6, 0, 0]), (50, [50, 20, 1, 0]), (0, [100, 40, 3, 1])]
)
def test_the_percentile_counts_within_each_class(percentile: float, counts: list[int]) -> None:
    sizes = [100, 40, 3, 1]
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(sizes))
    flagged = inspect(spectral(percentile), noise(144, 8), labels).flagged
    found = [int(flagged[labels == k].sum()) for k in range(4)]
    if percentile == 50:
        counts[2:] = [2, 0]  # 1.5 rows: round half to even
    assert found == counts


def test_the_assumed_ratio_counts_in_the_whole_set_and_spares_half_of_each_class() -> None:
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor([300, 90, 10]))
    flagged = inspect(spectral(assumed_ratio=0.05), noise(400, 8), labels).flagged
    # 1.5 * 0.05 * 400 = 30 of each class, but half of ten is five
    assert [int(flagged[labels == k].sum()) for k in range(3)] == [30, 30, 5]


@pytest.mark.parametrize("end", [1, -1])
def test_a_scan_counts_the_rows_of_a_class_beyond_its_trusted_ones(monkeypatch, trainer, end: int) -> None:
    """Of class a, ten rows lie among its ten trusted ones and ten beyond all; of class b, all among them."""
    known, among = torch.arange(10.0), torch.arange(10.0) * 0.9 + 0.5
    features = {
        40: end * torch.cat([among, among + 20, among, among])[:, None],
        20: end * torch.cat([known, known])[:, None],
    }
    monkeypatch.setattr(
        spectral_module, "penultimate", lambda _trainer, _model, inputs: features[len(inputs)]
    )
    train, clean = (
        ImageSet(torch.zeros(2 * rows, 1, 1, 1), torch.arange(2 * rows) // rows, ("a", "b"))
        for rows in (20, 10)
    )
    finding = spectral().detect(DefenderView(None, train, clean, trainer, 0), 0.05)  # type: ignore[arg-type]
    # that the ten highest of 30 are all of the 20: 20! 20! / (10! 30!) = 0.0061, and as much for the lowest
    assert finding.sure == "by chance 0.012, alarm below 0.025"
    assert finding.says == "class 0 (a): 10 rows beyond all clean images"
    assert finding.suspicion is not None
    assert finding.suspicion.flagged.nonzero().flatten().tolist() == list(range(10, 20))
    scarce = spectral().detect(DefenderView(None, train, clean, trainer, 0), 0.024)  # type: ignore[arg-type]
    assert not scarce.suspicious


def half_poison(clean: int = 48, poison: int = 52) -> tuple[torch.Tensor, torch.Tensor]:
    """One class, clean rows first; poison lies out along an axis."""
    features = noise(clean + poison, 8)
    features[clean:, 0] += 6
    return features, torch.zeros(clean + poison, dtype=torch.int64)


def test_the_trusted_mean_is_not_drawn_to_the_poison() -> None:
    features, labels = half_poison()
    poisoned = torch.arange(100) >= 48
    trusted = torch.randn(12, 8, generator=torch.Generator().manual_seed(1))
    by_class = spectral().inspect(features, labels, trusted, labels[:12])
    by_trust = spectral(center="trusted").inspect(features, labels, trusted, labels[:12])
    assert detection(by_trust.flagged, poisoned, by_trust.scores)["auc"] > 0.99
    assert detection(by_class.flagged, poisoned, by_class.scores)["auc"] < 0.7
    assert torch.equal(by_class.scores, inspect(spectral(), features, labels).scores)
    assert torch.equal(by_trust.scores, outlier_scores(features, trusted.mean(0)))


def test_a_class_without_trusted_images_is_centered_on_its_own_mean() -> None:
    features, labels = half_poison()
    elsewhere = torch.ones(12, dtype=torch.int64)
    by_trust = spectral(center="trusted").inspect(features, labels, features[:12], elsewhere)
    assert torch.equal(by_trust.scores, outlier_scores(features, features.mean(0)))


def test_the_highest_scores_of_a_class_are_flagged() -> None:
    labels = torch.arange(60) % 2
    suspicion = inspect(spectral(), noise(60, 4) * (1 + 9 * labels[:, None]), labels)
    for k in (0, 1):
        scores, flagged = suspicion.scores[labels == k], suspicion.flagged[labels == k]
        assert scores[flagged].min() >= scores[~flagged].max()


def test_equal_features_score_nothing() -> None:
    suspicion = inspect(spectral(), torch.ones(10, 4), torch.zeros(10, dtype=torch.int64))
    assert torch.equal(suspicion.scores, torch.zeros(10))


def test_the_new_model_is_trained_without_the_flagged_rows(make_set, trainer) -> None:
    found = defended(make_set, trainer, spectral())
    assert found.suspicion is not None
    assert found.metrics["rows_removed"] == 12  # 15 % of 20, in each of four classes
    assert found.suspicion.flagged.sum() == 12
    assert len(found.history) == RECIPE.epochs


def defended(make_set, trainer, defense: SpectralSignatures) -> Defended:
    suspect = build_model(
        "resnet8", num_classes=4, channels=3, image_size=32, mean=(0.5,) * 3, std=(0.5,) * 3, seed=0,
        options=ModelOptions(pretrained=None),
    )  # fmt: skip
    train = make_set(rows=80)
    return defense.defend(DefenderView(suspect, train, train, trainer, 0))


@pytest.mark.parametrize(("ratio", "share", "halved"), [(0.05, 24 / 80, 0), (0.1, 0.5, 4), (0.3, 0.5, 4)])
def test_removing_much_is_told(make_set, trainer, caplog, ratio: float, share: float, halved: int) -> None:
    """1.5 times 4, 8 and 24 of 80 rows, of each of four classes of 20."""
    metrics = defended(make_set, trainer, spectral(assumed_ratio=ratio)).metrics
    assert metrics["removed_share"] == share
    assert metrics["classes_halved"] == halved
    warnings = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert f"spectral removes {100 * share:.0f} % of the training set" in warnings
    assert any("more than half of 4 of the 4 classes" in told for told in warnings) == bool(halved)


def test_the_papers_percentile_is_no_reason_to_warn(make_set, trainer, caplog) -> None:
    metrics = defended(make_set, trainer, spectral()).metrics
    assert (metrics["removed_share"], metrics["classes_halved"]) == (12 / 80, 0)
    assert not [one for one in caplog.records if one.levelname == "WARNING"]


def test_the_papers_center_is_the_default(params) -> None:
    assert params["defenses"]["spectral"]["center"] == "class"
