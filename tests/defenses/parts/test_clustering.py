import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import FastICA
from sklearn.metrics import silhouette_samples

from backdoor_pipeline.defenses.parts.clustering import Split, principal_axes, split_in_two


def draws() -> np.random.Generator:
    return np.random.default_rng(0)


def two_groups(small: int = 20, large: int = 60, dimensions: int = 16):
    features = draws().normal(size=(small + large, dimensions))
    features[:small, 0] += 12
    return features


def test_planted_groups_are_the_clusters_and_the_smaller_is_suspect() -> None:
    features = two_groups()
    split = split_in_two(features, features[15:35], 10, whiten=False, starts=10, seed=0)
    assert split is not None
    assert split.suspects.tolist() == [True] * 20 + [False] * 60
    assert split.trusted.tolist() == [True] * 5 + [False] * 15
    assert split.share == 0.25
    assert split.trusted_share == 0.25
    assert 0.4 < split.silhouette <= 1
    assert split.other_way().share == 0.75


def test_silhouettes_by_hand() -> None:
    # (10 - 1) / 10 and the like on a line: own cluster at distance 1, the other at 10.5 or 9.5 in the mean
    features = np.array([[0.0], [1.0], [10.0], [11.0]])
    split = split_in_two(features, features[:0], 1, whiten=False, starts=10, seed=0)
    assert split is not None
    expected = [1 - 1 / 10.5, 1 - 1 / 9.5, 1 - 1 / 9.5, 1 - 1 / 10.5]
    assert split.silhouettes == pytest.approx(expected)


def test_how_likely_so_few_trusted_images_are() -> None:
    half = np.array([True, False])
    avoided = Split(half, np.zeros(10, bool), np.zeros(2))
    assert avoided.chance(0.25) == pytest.approx(2 * 0.5**10), "as likely of the other half"
    one = Split(half, np.arange(10) == 0, np.zeros(2))
    assert one.chance(0.25) == pytest.approx(2 * 11 * 0.5**10)
    unknown = Split(half, np.zeros(0, bool), np.zeros(2))
    assert unknown.chance(0.25) == 1
    assert unknown.trusted_share == 0.5


@pytest.mark.parametrize(
    ("size", "there", "chance"),
    [
        (8, 0, 0.2**10),  # none in the large cluster; that none is in the small one is far likelier
        (
            2,
            0,
            0.8**10 + 0.2**10 + 10 * 0.8 * 0.2**9 + 45 * 0.8**2 * 0.2**8,
        ),  # or two in the large one, at most
        (5, 0, 2 * 0.5**10),
    ],
)
def test_chance_counts_both_clusters_by_their_size(size: int, there: int, chance: float) -> None:
    """So many rows of 10 are suspect, where none of 10 trusted images is."""
    split = Split(np.arange(10) < size, np.arange(10) < there, np.zeros(10))
    assert split.chance(0.25) == pytest.approx(chance)


def test_whitened_axes_keep_the_distances_that_ica_gives() -> None:
    features = draws().exponential(size=(300, 12)) @ draws().normal(size=(12, 12))
    ica = FastICA(5, whiten="unit-variance", random_state=0, max_iter=2000, tol=1e-8).fit_transform(features)
    ours = (features - features.mean(0)) @ principal_axes(features - features.mean(0), 5, whiten=True)

    def distances(x):
        return np.linalg.norm(x[:40, None] - x[None, :40], axis=-1)

    assert np.allclose(distances(ours), distances(ica), atol=1e-6)


def test_axes_are_the_directions_of_largest_variance() -> None:
    features = draws().normal(size=(500, 4)) * [1, 5, 2, 3]
    axes = principal_axes(features - features.mean(0), 2, whiten=False)
    assert np.abs(axes).argmax(0).tolist() == [3, 1]
    assert np.allclose(axes.T @ axes, np.eye(2))
    whitened = (features - features.mean(0)) @ principal_axes(features - features.mean(0), 2, whiten=True)
    assert np.allclose(np.cov(whitened.T, bias=True), np.eye(2))


@pytest.mark.parametrize("whiten", [True, False])
def test_dimensions_that_do_not_vary_are_left_out(whiten: bool) -> None:
    features = np.zeros((30, 8))
    features[:10, 2] = 1
    features[::2, 5] = 0.25
    assert principal_axes(features - features.mean(0), 5, whiten=whiten).shape == (8, 2)
    split = split_in_two(features, features, 5, whiten=whiten, starts=10, seed=0)
    assert split is not None
    assert np.isfinite(split.silhouettes).all()


def test_nothing_to_split() -> None:
    assert (
        split_in_two(draws().normal(size=(10, 4)), np.zeros((0, 4)), 10, whiten=True, starts=10, seed=0)
        is None
    )
    assert split_in_two(np.ones((20, 4)), np.zeros((0, 4)), 2, whiten=True, starts=10, seed=0) is None
    two_points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    assert split_in_two(two_points, two_points, 2, whiten=False, starts=10, seed=0) is None


@pytest.mark.filterwarnings("ignore:FastICA did not converge")  # as on these it does not, and need not
def test_clusters_of_whitened_axes_are_those_of_ica() -> None:
    features = two_groups(small=25, large=35)  # uneven scales: unwhitened, the widest direction decides
    features[:, 5] *= 9
    ica = FastICA(4, whiten="unit-variance", random_state=0, max_iter=2000, tol=1e-8).fit_transform(features)
    theirs = KMeans(2, n_init=50, random_state=0).fit(ica).labels_
    split = split_in_two(features, features[:0], 4, whiten=True, starts=50, seed=0)
    assert split is not None
    smaller = theirs == np.bincount(theirs).argmin()
    assert split.suspects.tolist() == smaller.tolist()
    assert split.silhouettes == pytest.approx(silhouette_samples(ica, theirs), abs=1e-6)


def test_more_starts_find_the_tighter_clusters() -> None:
    """Corners of a rectangle: left against right is tighter than up against down, and either is stable."""
    corners = np.array([[0.0, 0.0], [0.0, 2.0], [2.2, 0.0], [2.2, 2.0]])
    features = np.repeat(corners, [6, 5, 5, 4], axis=0) + draws().normal(scale=0.05, size=(20, 2))
    left = np.repeat([True, True, False, False], [6, 5, 5, 4])
    found = {
        starts: [split_in_two(features, features[:0], 2, whiten=False, starts=starts, seed=seed).suspects
                 for seed in range(20)]
        for starts in (1, 50)
    }  # fmt: skip
    assert all((suspects == ~left).all() for suspects in found[50])
    assert not all((suspects == ~left).all() for suspects in found[1])
