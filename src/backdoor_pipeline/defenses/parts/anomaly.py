"""Outliers among a few numbers, by their median absolute deviation (MAD)."""

from torch import Tensor

CONSISTENCY = 1.4826  # turns the MAD of normally distributed numbers into their standard deviation
SMALLEST_SPREAD = 1e-9  # keeps the index finite where more than half of the numbers are equal
SMALLEST_NORM = 1e-6  # keeps logarithms finite; no trigger is that small a share of one pixel


def anomaly_index(values: Tensor) -> Tensor:
    """How many standard deviations each value is from the median: |x - median| / (1.4826 MAD).

    Above 2, a value of a normal distribution is an outlier with 95 % confidence (Wang et al., 2019, V-B).

    Args:
        values: (n,).

    Returns:
        float64, (n,), finite: 0 for the median itself, huge for what differs where most do not.
    """
    values = values.double()
    deviations = (values - median(values)).abs()
    return deviations / (CONSISTENCY * median(deviations)).clamp(min=SMALLEST_SPREAD)


def log_anomaly_index(norms: Tensor) -> Tensor:
    """The index of the norms' logarithms (ours): sizes that differ by factors, not by amounts.

    A norm near 0 is then as far from the others as it is times smaller; by amounts it cannot be farther than
    their median, which a wide deviation hides.

    Args:
        norms: (n,), 0 or more.

    Returns:
        As `anomaly_index`.
    """
    return anomaly_index(norms.double().clamp(min=SMALLEST_NORM).log())


def median(values: Tensor) -> Tensor:
    """The mean of the two middle values of an even number (torch.median takes the lower one)."""
    return values.quantile(0.5)
