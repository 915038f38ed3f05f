"""Outliers among a few numbers, by their median absolute deviation (MAD)."""

from torch import Tensor

CONSISTENCY = 1.4826  # turns the MAD of normally distributed numbers into their standard deviation
SMALLEST_SPREAD = 1e-9  # keeps the index finite where more than half of the numbers are equal


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


def median(values: Tensor) -> Tensor:
    """The mean of the two middle values of an even number (torch.median takes the lower one)."""
    return values.quantile(0.5)
