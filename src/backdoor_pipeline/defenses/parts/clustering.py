"""Two clusters of one class's features, and how well they fit."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROUNDING = 1e-9
NEGLIGIBLE = 1e-9  # share of the variance below which a dimension is rounding error


@dataclass(frozen=True, slots=True)
class Split:
    """A class in two clusters, one of which is suspect.

    Attributes:
        suspects: rows in the suspect cluster, bool, (n,).
        trusted: trusted images of the class that would fall into it, bool, (m,).
        silhouettes: of each row, in [-1, 1]: how much nearer its own cluster is than the other, (n,).
    """

    suspects: Mask
    trusted: Mask
    silhouettes: Array

    @property
    def share(self) -> float:
        """Of the rows, in the suspect cluster."""
        return float(self.suspects.mean())

    @property
    def trusted_share(self) -> float:
        """Of the trusted images, in the suspect cluster; as of the rows, if there are none."""
        return float(self.trusted.mean()) if len(self.trusted) else self.share

    @property
    def silhouette(self) -> float:
        """The mean over all rows: how well two clusters fit."""
        return float(self.silhouettes.mean())

    def chance(self, avoidance: float) -> float:
        """How likely it is that trusted images avoid one of the clusters as much as this one, or more.

        If they spread over the clusters as the rows do. Both clusters count, as the suspect one was chosen
        because they avoid it.

        Args:
            avoidance: the other one counts where at most this part of its share of them would be there.
        """
        from scipy.stats import binom

        count, other = len(self.trusted), 1 - self.share
        here = float(binom.cdf(self.trusted.sum(), count, self.share))
        few = np.arange(math.floor(avoidance * other * count + ROUNDING) + 1)
        there = binom.cdf(few, count, other)
        return min(1.0, here + float(there[there <= here * (1 + ROUNDING)].max(initial=0)))

    def other_way(self) -> "Split":
        """The same with the other cluster as the suspect one."""
        return Split(~self.suspects, ~self.trusted, self.silhouettes)


def split_in_two(
    features: Array, trusted: Array, dimensions: int, *, whiten: bool, starts: int, seed: int
) -> Split | None:
    """2-means on reduced features; suspect is the smaller cluster.

    Args:
        features: of one class, (n, D).
        trusted: of trusted images of that class, (m, D).
        dimensions: that they are reduced to.
        whiten: see `principal_axes`.
        starts: of 2-means; the tightest clusters count. Where two ways of splitting are about as tight, as
            with half a class poisoned, too few of them leave it to chance which is found.
        seed: of the starting points.

    Returns:
        None if there are not more rows than dimensions, or too few that differ.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_samples

    if len(features) <= dimensions:
        return None
    center = features.mean(0)
    axes = principal_axes(features - center, dimensions, whiten=whiten)
    reduced = (features - center) @ axes
    if not axes.size or len(np.unique(reduced, axis=0)) < 3:
        return None
    means = KMeans(2, n_init=starts, random_state=seed % 2**32).fit(reduced)
    smaller = np.bincount(means.labels_).argmin()
    placed = means.predict((trusted - center) @ axes) if len(trusted) else np.empty(0, np.int32)
    return Split(means.labels_ == smaller, placed == smaller, silhouette_samples(reduced, means.labels_))


def principal_axes(centered: Array, dimensions: int, *, whiten: bool) -> Array:
    """The directions of largest variance: (D, d), d at most `dimensions`, fewer where fewer vary.

    Args:
        centered: (n, D).
        dimensions: wanted.
        whiten: scale them to unit variance, as ICA does first. What ICA does beyond that is a rotation, which
            keeps all distances: clusters, and how well they fit, are those of ICA, which need not converge.
    """
    variances, directions = np.linalg.eigh(centered.T @ centered / len(centered))
    keep = variances > NEGLIGIBLE * variances.sum()
    keep[:-dimensions] = False
    axes: Array = directions[:, keep]
    return axes / np.sqrt(variances[keep]) if whiten else axes
